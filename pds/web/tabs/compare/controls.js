// The settings: sliders with a number beside them, and the request that they describe.

function fill(slider) {
  const share = (slider.value - slider.min) / (slider.max - slider.min);
  slider.style.setProperty("--filled", 100 * share + "%");
}

// A slider for the common values and a box for any value; `toSlider` and `toBox` translate.
function couple(slider, box, toSlider, toBox, onChange) {
  const follow = () => {
    const value = box.valueAsNumber;
    if (Number.isFinite(value)) slider.value = toSlider(value);
    slider.setAttribute("aria-valuetext", box.value);
    fill(slider);
    onChange(value);
  };
  slider.addEventListener("input", () => {
    box.value = toBox(Number(slider.value));
    follow();
  });
  box.addEventListener("input", follow);
  return (value) => {
    box.value = value;
    follow();
  };
}

// Where n lies between the stops of a descending ladder, by its logarithm.
function between(ladder, n) {
  const at = ladder.findIndex((stop) => stop <= n);
  if (at === 0) return 0;
  if (at < 0) return ladder.length - 1;
  const [above, below] = [ladder[at - 1], ladder[at]];
  return at - Math.log(n / below) / Math.log(above / below);
}

function makeIterations(form, ladder) {
  const slider = form.querySelector("#pds-steps-slide");
  const last = ladder.length - 1;
  Object.assign(slider, { min: 0, max: last, step: "any" });
  const marks = ladder.map((stop, i) => {
    const mark = document.createElement("button");
    Object.assign(mark, { type: "button", tabIndex: -1, textContent: stop });
    mark.style.left = (100 * i) / last + "%";
    mark.addEventListener("click", () => set(stop));
    return mark;
  });
  form.querySelector(".pds-stops").append(...marks);
  const set = couple(
    slider,
    form.elements.num_steps,
    (n) => between(ladder, n),
    (position) => ladder[Math.round(position)],
    (n) => marks.forEach((mark, i) => mark.classList.toggle("on", ladder[i] === n))
  );
  const moves = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, End: last, Home: -last };
  slider.addEventListener("keydown", (event) => {
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    const next = move > 0 ? Math.floor(+slider.value + 1e-9) + move : Math.ceil(slider.value - 1e-9) + move;
    set(ladder[Math.min(last, Math.max(0, next))]);
  });
  return set;
}

function makeAlpha(form) {
  const slider = form.querySelector("#pds-alpha-slide");
  const hint = form.querySelector(".pds-published .pds-hint");
  Object.assign(slider, { min: 0, max: 1, step: 0.01 });
  // alpha - 1 from 0.1 to 50, by its logarithm
  return couple(
    slider,
    form.elements.alpha,
    (alpha) => Math.log((alpha - 1) / 0.1) / Math.log(500),
    (position) => Number((1 + 0.1 * 500 ** position).toPrecision(2)),
    (alpha) => {
      const bound = alpha > 1 ? (alpha / (alpha - 1)).toFixed(2) + "×" : "none";
      hint.querySelector("span").textContent = "gain up to " + bound;
    }
  );
}

function number(box) {
  return Number.isFinite(box.valueAsNumber) ? box.valueAsNumber : box.value;
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

function makeControls(root, form, setup, onChange) {
  const { elements } = form;
  elements.model.append(...setup.models.map(({ name, title }) => new Option(title, name)));
  elements.num_steps.max = setup.limits.num_steps;
  elements.num_images.max = setup.limits.num_images;
  const count = form.querySelector("output[for=pds-count]");
  const showCount = () => {
    count.textContent = elements.num_images.value;
    fill(elements.num_images);
  };
  const setImages = (count) => {
    elements.num_images.value = count;
    showCount();
  };
  elements.num_images.addEventListener("input", showCount);
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
      num_steps: number(elements.num_steps),
      num_images: Number(elements.num_images.value),
      seed: number(elements.seed),
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
