// The settings: sliders with a number beside them, and the request that they describe.

import { bindSlider, linear, logarithmic, numberIn, stopAt, stops } from "../../static/slider.js";
import { makeSides } from "./sides.js";

// The iterations: common values on the slider and as marks below it, any value in the box.
function makeIterations(form, ladder) {
  const slider = form.querySelector("#pds-steps-slide");
  const last = ladder.length - 1;
  const marks = ladder.map((stop, i) => {
    const mark = document.createElement("button");
    Object.assign(mark, { type: "button", tabIndex: -1, textContent: stop });
    mark.style.left = (100 * i) / last + "%";
    mark.addEventListener("click", () => write(stop));
    return mark;
  });
  form.querySelector(".pds-stops").append(...marks);
  const { write } = bindSlider(slider, stops(ladder, { step: "any" }), {
    box: form.elements.num_steps,
    display: (n) => marks.forEach((mark, i) => mark.classList.toggle("on", ladder[i] === n)),
  });
  const moves = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, End: last, Home: -last };
  slider.addEventListener("keydown", (event) => {
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    write(ladder[stopAt(Number(slider.value), move, last)]);
  });
  return write;
}

function makeAlpha(form) {
  const bound = form.querySelector(".pds-published .pds-hint span");
  const scale = logarithmic(1.1, 51, { origin: 1, step: 0.01 });
  const { write } = bindSlider(form.querySelector("#pds-alpha-slide"), scale, {
    box: form.elements.alpha,
    display(alpha) {
      bound.textContent = `gain up to ${alpha > 1 ? (alpha / (alpha - 1)).toFixed(2) + "×" : "none"}`;
    },
  });
  return write;
}

function makeCount(form) {
  const output = form.querySelector("output[for=pds-count]");
  const display = (_, text) => (output.textContent = text);
  return bindSlider(form.elements.num_images, linear, { display }).write;
}

// The corrector's controls: empty boxes stand for what the model has.
function makeCorrector(form, most) {
  const { snr, corrector_steps: steps } = form.elements;
  for (let count = 2; count <= most; count++) steps.append(new Option(`${count} steps`, count));
  return {
    read: () => ({
      snr: snr.validity.badInput ? "no number" : snr.value === "" ? null : snr.valueAsNumber,
      corrector_steps: steps.value === "" ? null : Number(steps.value),
    }),
    write(request) {
      snr.value = request.snr ?? "";
      steps.value = request.corrector_steps === 1 ? "" : request.corrector_steps ?? "";
      if (snr.value || steps.value) snr.closest("details").open = true;
    },
  };
}

export function makeControls(root, form, setup, onChange) {
  const { elements } = form;
  elements.model.append(...setup.models.map(({ name, title }) => new Option(title, name)));
  elements.num_steps.max = setup.limits.num_steps;
  elements.num_images.max = setup.limits.num_images;
  const setImages = makeCount(form);
  form.querySelector(".pds-dice").addEventListener("click", () => {
    elements.seed.value = Math.floor(Math.random() * setup.limits.seed);
  });
  const changed = () => {
    sides.show();
    onChange();
  };
  const parts = [form, ...root.querySelectorAll(".pds-panel figcaption")];
  for (const part of parts) for (const kind of ["input", "change", "click", "keydown"]) part.addEventListener(kind, changed);
  const setSteps = makeIterations(form, setup.ladder);
  const setAlpha = makeAlpha(form);
  const sides = makeSides(root, form, setup, setAlpha);
  const corrector = makeCorrector(form, setup.limits.corrector_steps);

  return {
    setImages,
    calls: sides.calls,
    mark: sides.mark,
    filter: () => ({ model: elements.model.value, ...sides.filter() }),
    setSnr: (snr) => (elements.snr.placeholder = snr ?? ""),
    read: () => ({
      model: elements.model.value,
      num_steps: numberIn(elements.num_steps),
      num_images: Number(elements.num_images.value),
      seed: numberIn(elements.seed),
      ...sides.read(),
      ...corrector.read(),
    }),
    write: (request) => {
      const known = [...elements.model.options].some((option) => option.value === request.model);
      if (!known) elements.model.append(new Option("Your images", request.model));
      elements.model.value = request.model;
      setSteps(request.num_steps);
      setImages(request.num_images);
      elements.seed.value = request.seed;
      corrector.write(request);
      sides.write(request);
    },
  };
}
