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

// Of the two samplers only the chosen one shows its settings; the other keeps them.
function makeChoice(form) {
  const { tuned, num_steps } = form.elements;
  const published = form.querySelector(".pds-published");
  const fitted = form.querySelector(".pds-fitted");
  const show = () => {
    const n = num_steps.value;
    fitted.querySelector("output").textContent = n + (n === "1" ? " iteration" : " iterations");
    fitted.hidden = tuned.value !== "1";
    published.hidden = published.disabled = !fitted.hidden;
  };
  return {
    show,
    read: () => tuned.value === "1",
    write(chosen) {
      tuned.value = chosen ? "1" : "0";
      show();
    },
  };
}

function makeControls(form, setup, onChange) {
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
    choice.show();
    onChange();
  };
  for (const kind of ["input", "click", "keydown"]) form.addEventListener(kind, changed);
  const setSteps = makeIterations(form, setup.ladder);
  const setAlpha = makeAlpha(form);
  const choice = makeChoice(form);
  const number = (box) => (Number.isFinite(box.valueAsNumber) ? box.valueAsNumber : box.value);

  return {
    setImages,
    read: () => ({
      model: elements.model.value,
      num_steps: number(elements.num_steps),
      alpha: number(elements.alpha),
      frequency: elements.frequency.checked,
      space: elements.space.checked,
      num_images: Number(elements.num_images.value),
      seed: number(elements.seed),
      tuned: choice.read(),
    }),
    write: (request) => {
      const known = [...elements.model.options].some((option) => option.value === request.model);
      if (!known) elements.model.append(new Option("Your images", request.model));
      elements.model.value = request.model;
      setSteps(request.num_steps);
      setAlpha(request.alpha);
      elements.frequency.checked = request.frequency;
      elements.space.checked = request.space;
      setImages(request.num_images);
      elements.seed.value = request.seed;
      choice.write(request.tuned);
    },
  };
}
