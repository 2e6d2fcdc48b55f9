// The first step of the story: walks in the plane, which are scrubbed and played with no further
// request. The start, the step and M are handles in the picture; sliders and handles follow each other.

import { makeDial } from "../../static/slider.js";
import { histograms, makeCanvas, SPREAD, stencil, unpacked } from "./canvas.js";
import { makeHandle, makePen, near, POINT_STEP, resampled } from "./pen.js";
import { drawPanel, listDirections, STEM } from "./walks.js";

const CROSS = [1.9, -1.1]; // where the cross of the guess lies at first
const clamped = (value, low, high) => Math.max(low, Math.min(high, value));
const places = ([x, y]) => `x = ${x.toFixed(2)}, y = ${y.toFixed(2)}`;

export function makePlane(section, { controls, refresh, setup }) {
  const own = setup.plane;
  const find = (selector) => section.querySelector(selector);
  const scrub = find("[data-scrub]");
  const [walkButton, stepButton, drawButton] = [".pds-walk", ".pds-step", ".pds-draw"].map(find);
  const select = find("[name=target]");
  select.append(...Object.entries(own.beginnings).map(([name, { title }]) => new Option(title, name)));

  let start = own.beginnings.ellipse.start;
  let answer = null; // the one that is shown, with what was asked for it
  let drawn = null; // { picture, mask } of the density that is shown
  let accepted = { target: "ellipse", start, strokes: [] };
  let playing = 0;
  let empty = false; // whether a density is to be drawn and nothing was drawn yet
  const guess = { at: CROSS, moved: false, given: false, truth: null };
  const asking = () => section.dataset.state === "asking";
  const color = (name) => getComputedStyle(section).getPropertyValue(`--${name}`);

  const panels = ["vanilla", "M"].map((name) => {
    const figure = find(`[data-panel="${name}"]`);
    const box = figure.querySelector(".pds-plane");
    const plane = makeCanvas(box, { reach: own.reach, onResize: () => redraw() });
    return { name, figure, box, plane, tint: name === "M" ? "ours" : "vanilla", handles: {} };
  });
  const [vanilla, withM] = panels;
  const taken = makeDial(scrub, () => {
    halt();
    redraw();
  });

  // Whether what is shown is what the question asks about.
  function isAsked() {
    if (asking()) return true;
    const values = controls.read();
    const same = Object.entries(own.asked).every(([name, value]) => values[name] === value);
    return same && near(start, own.beginnings.ellipse.start) < 0.005;
  }

  // Sets all controls to what the question asks about.
  function askAgain() {
    start = own.beginnings.ellipse.start;
    for (const [name, value] of Object.entries(own.asked)) controls.write(name, value);
    taken.write(own.asked_steps);
    pen.turn(false);
    empty = false;
  }

  function set(name, value) {
    controls.write(name, value);
    redraw();
    refresh();
  }

  function moveStart(point) {
    start = vanilla.plane.inside(point).map((value) => Number(value.toFixed(2)));
    redraw();
    refresh();
  }

  function moveCross(point) {
    guess.at = vanilla.plane.inside(point).map((value) => Number(value.toFixed(2)));
    guess.moved = true;
    redraw();
  }

  const sides = [-own.reach[0], own.reach[0]];
  const shifted = ([x, y], [dx, dy]) => [x + POINT_STEP * dx, y + POINT_STEP * dy];
  const toward = () => (start[0] > 0 ? -1 : 1); // the side of the start where the step's handle is
  const noise = () => SPREAD * Math.sqrt(2 * controls.read().length);
  const changeStep = (length) => set("length", clamped(length, 0.001, 3));
  const changeM = (power) => set("power", clamped(Number(power.toFixed(2)), 0, 1));

  for (const panel of panels) {
    panel.handles.start = makeHandle(panel.box, panel.plane, {
      kind: "start", label: "Start of the walks", ends: sides, moveTo: moveStart,
      nudge: (by) => moveStart(shifted(start, by)),
    });
  }
  vanilla.handles.step = makeHandle(vanilla.box, vanilla.plane, {
    kind: "step", label: "Step e", sign: "e", ends: [0.001, 3],
    moveTo([x]) {
      const radius = (x - start[0]) * toward() - STEM / vanilla.plane.unit();
      changeStep(Math.max(0, radius / SPREAD) ** 2 / 2);
    },
    nudge: ([dx, dy]) => changeStep(controls.read().length * 1.05 ** (dx * toward() + dy)),
  });
  withM.handles.m = makeHandle(withM.box, withM.plane, {
    kind: "m", label: "Strength of M", sign: "M", ends: [0, 1],
    moveTo([x, y]) {
      const { mean, handle } = drawn.about;
      const along = (x - mean[0]) * handle.along[0] + (y - mean[1]) * handle.along[1];
      changeM(Math.log(Math.max(0.01, Math.abs(along)) / SPREAD) / Math.log(handle.std));
    },
    nudge: ([dx, dy]) => changeM(controls.read().power + 0.01 * (dx + dy)),
  });
  vanilla.handles.cross = makeHandle(vanilla.box, vanilla.plane, {
    kind: "cross", label: "Your guess of the mean", sign: "+", ends: sides, moveTo: moveCross,
    nudge: (by) => moveCross(shifted(guess.at, by)),
  });

  const pen = makePen(vanilla.box, vanilla.plane, {
    onChange: () => redraw(),
    onStroke() {
      redraw();
      refresh();
    },
  });

  // M of a power p has the standard deviations of the density to that power.
  function placeHandles() {
    const { length, power } = controls.read();
    for (const { handles } of panels) handles.start.place(start, start[0], places(start));
    const far = noise() + STEM / vanilla.plane.unit();
    vanilla.handles.step.place([start[0] + toward() * far, start[1]], length, `e = ${length}`);
    vanilla.handles.cross.place(guess.at, guess.at[0], places(guess.at));
    if (!drawn) return;
    const { mean, handle } = drawn.about;
    const radius = SPREAD * handle.std ** power;
    withM.handles.m.place(mean.map((at, i) => at + radius * handle.along[i]), power, `strength ${power}`);
    withM.handles.m.node.hidden = Math.abs(Math.log(handle.std)) < 0.1;
  }

  // What is drawn of a panel; null for its walks while there are none to show.
  function picture(panel) {
    const { plane, tint, name, walks, bars } = panel;
    const answered = asking() || empty ? null : answer?.panels[name];
    const base = { drawn: empty && !asking() ? null : drawn, start, color, tint };
    const hidden = name === "M" || !guess.truth || !isAsked();
    drawPanel(plane, {
      ...base, walks, bars, answered, t: taken.read(),
      controls: name === "vanilla" && pen.on() ? null : { noise: noise(), toward: toward(), kind: name },
      marks: hidden ? [] : [[guess.truth, "exact"], ...(guess.given ? [[guess.at, "your guess"]] : [])],
      pen: name === "vanilla" && pen.on() ? pen : null,
    });
    if (answered) listDirections(panel.figure.querySelector("ul"), answered, taken.read());
  }

  const undrawn = () => select.value === "drawing" && !pen.strokes().length;

  function redraw() {
    if (!vanilla.plane.unit()) return;
    const { target, sampler } = controls.read();
    find(".pds-kappa").hidden = target !== "ellipse";
    find(".pds-pen").hidden = target !== "drawing" || asking();
    find(".pds-hint").hidden = !pen.on();
    find("[name=swirl]").disabled = sampler === "MALA";
    find(".pds-reason").hidden = sampler !== "MALA";
    section.toggleAttribute("data-empty", empty && !asking());
    drawButton.setAttribute("aria-pressed", pen.on());
    placeHandles();
    for (const panel of panels) if (panel.plane.unit()) picture(panel);
  }

  async function show(about) {
    if (drawn?.about.picture !== about.picture) drawn = { about, mask: await stencil(about.picture) };
    drawn.about = about;
    redraw();
  }

  function halt() {
    clearInterval(playing);
    playing = 0;
    walkButton.textContent = "Walk";
  }

  function step() {
    taken.write(taken.read() + 1);
    redraw();
    if (taken.read() >= Number(scrub.max)) halt();
  }

  function begin() {
    pen.turn(false);
    if (taken.read() >= Number(scrub.max)) taken.write(0);
  }

  walkButton.addEventListener("click", () => {
    if (playing) return halt();
    begin();
    walkButton.textContent = "Pause";
    playing = setInterval(step, 90);
  });
  stepButton.addEventListener("click", () => {
    halt();
    begin();
    step();
  });
  // The plane has to be in sight for that.
  function turnPen(on) {
    pen.turn(on);
    redraw();
    if (on) vanilla.figure.scrollIntoView({ block: "nearest" });
  }

  drawButton.addEventListener("click", () => turnPen(!pen.on()));
  find(".pds-clear").addEventListener("click", () => {
    pen.write([]);
    empty = true;
    turnPen(true);
  });

  // Another density comes with its own start and step. This precedes the request of the control.
  section.addEventListener("input", ({ target }) => {
    if (target !== select) return;
    const { start: at, step } = own.beginnings[select.value];
    start = at;
    controls.write("length", step);
    empty = undrawn();
    turnPen(empty);
  }, { capture: true });
  section.addEventListener("input", () => redraw());
  matchMedia("print").addEventListener("change", () => redraw());

  new MutationObserver(() => {
    halt();
    if (!asking()) return redraw();
    askAgain();
    show(own.drawn);
  }).observe(section, { attributeFilter: ["data-state"] });
  show(own.drawn);

  return {
    values() {
      const { sampler, target, swirl } = controls.read();
      const points = target === "drawing" ? resampled(pen.strokes(), own.num_points, own.pen) : null;
      return { start, swirl: sampler === "MALA" ? 0 : swirl, ...(points && { drawing: points }) };
    },
    ready: () => !undrawn(),
    async accept(given) {
      const num_steps = Number(scrub.max);
      answer = given;
      empty = undrawn();
      accepted = { target: select.value, start, strokes: [...pen.strokes()] };
      for (const panel of panels) {
        const { chains } = given.panels[panel.name];
        panel.walks = unpacked(chains, { scale: own.scale, num_steps });
        panel.bars = own.reach.map((reach, axis) => histograms(panel.walks, num_steps, axis, reach));
        const canvas = panel.box.querySelector("canvas");
        canvas.dataset.label ??= canvas.getAttribute("aria-label");
        canvas.setAttribute("aria-label", `${canvas.dataset.label}. ${given.text.plane}`);
      }
      await show(given.drawn);
    },
    // What was refused is taken back.
    refuse() {
      select.value = accepted.target;
      start = accepted.start;
      pen.write(accepted.strokes);
      pen.turn(false);
      empty = false;
      redraw();
    },
    guess: {
      read: () => (guess.moved ? guess.at : null),
      write(point) {
        if (Array.isArray(point) && point.length === 2 && point.every(Number.isFinite)) moveCross(point);
      },
      // The picture then shows the walk that the question asks about.
      mark(truth, guessed) {
        guess.truth = truth;
        guess.given = guessed;
        if (asking()) askAgain();
        redraw();
      },
      clear() {
        guess.truth = null;
        redraw();
      },
      disable(disabled) {
        vanilla.handles.cross.node.setAttribute("aria-disabled", disabled);
        if (!disabled) Object.assign(guess, { at: CROSS, moved: false });
        redraw();
      },
    },
  };
}
