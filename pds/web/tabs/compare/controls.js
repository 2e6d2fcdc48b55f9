// The settings: sliders with a number beside them, and the request that they describe.

import { find, findAll } from "../../static/dom.js";
import { bindSlider, linear, logarithmic, numberIn, stopAt, stops } from "../../static/slider.js";
import { makeSides } from "./sides.js";

/**
 * @import { Component } from "../../static/server.js"
 * @import { Kind, Request } from "./names.js"
 * @import { Preset } from "./presets.js"
 */

/**
 * @typedef {object} Setup
 * @property {string} space address of the Space, "" elsewhere
 * @property {{ name: string, title: string }[]} models
 * @property {Request} defaults
 * @property {Kind[]} samplers
 * @property {(keyof Request)[]} named fields that a name on the right replaces
 * @property {(keyof Request)[]} optional fields that a link has where they are not the default
 * @property {number[]} ladder common numbers of iterations
 * @property {Record<"num_steps" | "num_images" | "corrector_steps" | "seed" | "pixels", number>} limits
 * @property {Preset[]} presets
 * @property {{ images: number, seconds: number }} quick the run of the first paint, and what is quick
 *
 * A request as the form has it: a box may hold text, which the server refuses in a sentence.
 * @typedef {Omit<Request, "num_steps" | "seed" | "alpha" | "snr"> & {
 *   num_steps: number | string,
 *   seed: number | string,
 *   alpha: number | string,
 *   snr: number | string | null,
 * }} FormRequest
 *
 * @typedef {ReturnType<typeof makeControls>} Controls
 */

/**
 * The iterations: common values on the slider and as marks below it, any value in the box.
 * @param {HTMLFormElement} form
 * @param {number[]} ladder
 */
function makeIterations(form, ladder) {
  const slider = find(form, "#pds-steps-slide", HTMLInputElement);
  const last = ladder.length - 1;
  const marks = ladder.map((stop, i) => {
    const mark = document.createElement("button");
    Object.assign(mark, { type: "button", tabIndex: -1, textContent: String(stop) });
    mark.style.left = (100 * i) / last + "%";
    mark.addEventListener("click", () => write(stop));
    return mark;
  });
  find(form, ".pds-stops").append(...marks);
  const { write } = bindSlider(slider, stops(ladder, { step: "any" }), {
    box: find(form, "[name=num_steps]", HTMLInputElement),
    display: (n) => marks.forEach((mark, i) => mark.classList.toggle("on", ladder[i] === n)),
  });
  /** @type {Record<string, number>} */
  const moves = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, End: last, Home: -last };
  slider.addEventListener("keydown", (event) => {
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    write(ladder[stopAt(Number(slider.value), move, last)]);
  });
  return write;
}

/** @param {HTMLFormElement} form */
function makeAlpha(form) {
  const bound = find(form, ".pds-published .pds-hint span");
  const scale = logarithmic(1.1, 51, { origin: 1, step: 0.01 });
  const { write } = bindSlider(find(form, "#pds-alpha-slide", HTMLInputElement), scale, {
    box: find(form, "#pds-alpha", HTMLInputElement),
    display(alpha) {
      bound.textContent = `gain up to ${alpha > 1 ? (alpha / (alpha - 1)).toFixed(2) + "×" : "none"}`;
    },
  });
  return write;
}

/** @param {HTMLFormElement} form */
function makeCount(form) {
  const output = find(form, "output[for=pds-count]");
  return bindSlider(find(form, "#pds-count", HTMLInputElement), linear, {
    display: (_, text) => (output.textContent = text),
  }).write;
}

/**
 * The corrector's controls: empty boxes stand for what the model has.
 * @param {HTMLFormElement} form
 * @param {number} most steps
 */
function makeCorrector(form, most) {
  const snr = find(form, "[name=snr]", HTMLInputElement);
  const steps = find(form, "[name=corrector_steps]", HTMLSelectElement);
  for (let count = 2; count <= most; count++) steps.append(new Option(`${count} steps`, String(count)));
  return {
    read: () => ({
      snr: snr.validity.badInput ? "no number" : snr.value === "" ? null : snr.valueAsNumber,
      corrector_steps: steps.value === "" ? null : Number(steps.value),
    }),
    write(/** @type {FormRequest} */ { snr: ratio, corrector_steps: count }) {
      snr.value = String(ratio ?? "");
      steps.value = count === 1 ? "" : String(count ?? "");
      if (snr.value || steps.value) find(form, ".pds-extra", HTMLDetailsElement).open = true;
    },
    // What the model's snr is, undefined until it is known.
    setSnr(/** @type {number | undefined} */ value) {
      snr.placeholder = String(value ?? "");
    },
  };
}

/**
 * The menu of models, which also has those of the visitor once they are chosen.
 * @param {HTMLFormElement} form
 * @param {Setup["models"]} models
 */
function makeModels(form, models) {
  const menu = find(form, "[name=model]", HTMLSelectElement);
  menu.append(...models.map(({ name, title }) => new Option(title, name)));
  return {
    read: () => menu.value,
    write(/** @type {string} */ model) {
      const isKnown = [...menu.options].some(({ value }) => value === model);
      if (!isKnown) menu.append(new Option("Your images", model));
      menu.value = model;
    },
  };
}

/**
 * @param {HTMLElement} root
 * @param {HTMLFormElement} form
 * @param {Setup} setup
 * @param {() => void} onChange
 */
export function makeControls(root, form, setup, onChange) {
  const [numSteps, numImages, seed] = ["num_steps", "num_images", "seed"].map((name) => find(form, `[name=${name}]`, HTMLInputElement));
  const models = makeModels(form, setup.models);
  numSteps.max = String(setup.limits.num_steps);
  numImages.max = String(setup.limits.num_images);
  const setImages = makeCount(form);
  find(form, ".pds-dice").addEventListener("click", () => {
    seed.value = String(Math.floor(Math.random() * setup.limits.seed));
  });
  const changed = () => {
    sides.show();
    onChange();
  };
  const parts = [form, ...findAll(root, ".pds-panel figcaption")];
  for (const part of parts) for (const kind of ["input", "change", "click", "keydown"]) part.addEventListener(kind, changed);
  const setSteps = makeIterations(form, setup.ladder);
  const setAlpha = makeAlpha(form);
  const sides = makeSides(root, form, setup, setAlpha);
  const corrector = makeCorrector(form, setup.limits.corrector_steps);

  return {
    setImages,
    calls: sides.calls,
    mark: sides.mark,
    filter: () => ({ model: models.read(), ...sides.filter() }),
    setSnr: corrector.setSnr,
    /** @returns {FormRequest} */
    read: () => ({
      model: models.read(),
      num_steps: numberIn(numSteps),
      num_images: Number(numImages.value),
      seed: numberIn(seed),
      ...sides.read(),
      ...corrector.read(),
    }),
    write(/** @type {FormRequest} */ request) {
      models.write(request.model);
      setSteps(request.num_steps);
      setImages(request.num_images);
      seed.value = String(request.seed);
      corrector.write(request);
      sides.write(request);
    },
  };
}
