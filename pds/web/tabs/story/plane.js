// The first step of the story: walks in the plane. The start, the step and M are handles in the picture;
// sliders and handles follow each other.

import { color } from "../../static/theme.js";
import { makeCanvas, stencil } from "./canvas.js";
import { clamped, distance, histograms, resampled, rounded, unpacked } from "./geometry.js";
import { makeHandles } from "./handles.js";
import { makePen } from "./pen.js";
import { makePlayer } from "./player.js";
import { drawPanel, listDirections } from "./walks.js";

const CROSS = [1.9, -1.1]; // where the cross of the guess lies at first

function makePanel(section, name, reach, onResize) {
  const figure = section.querySelector(`[data-panel="${name}"]`);
  const box = figure.querySelector(".pds-plane");
  const plane = makeCanvas(box, { reach, onResize });
  return { name, tint: name === "M" ? "ours" : "vanilla", figure, box, plane, walks: null, bars: null };
}

// Takes over the walks of an answer, and describes them.
function takeWalks(panel, { panels, text }, { scale, num_steps, reach }) {
  panel.walks = unpacked(panels[panel.name].chains, { scale, num_steps });
  panel.bars = reach.map((far, axis) => histograms(panel.walks, num_steps, axis, far));
  const canvas = panel.box.querySelector("canvas");
  canvas.dataset.label ??= canvas.getAttribute("aria-label");
  canvas.setAttribute("aria-label", `${canvas.dataset.label}. ${text.plane}`);
}

export function makePlane(section, { controls, refresh, setup }) {
  const own = setup.plane;
  const first = own.beginnings.ellipse.start;
  const find = (selector) => section.querySelector(selector);
  const [drawButton, select] = [".pds-draw", "[name=target]"].map(find);
  select.append(...Object.entries(own.beginnings).map(([name, { title }]) => new Option(title, name)));

  let start = first;
  let answer = null; // the newest one
  let drawn = null; // { about, mask } of the density that is shown
  let isEmpty = false; // whether a density is to be drawn and nothing was drawn yet
  let accepted = { target: "ellipse", start, strokes: [] };
  const guess = { at: CROSS, moved: false, given: false, truth: null };
  const isAsking = () => section.dataset.state === "asking";

  const [vanilla, withM] = ["vanilla", "M"].map((name) => makePanel(section, name, own.reach, () => redraw()));
  const panels = [vanilla, withM];
  const player = makePlayer(section, { onMove: () => redraw(), onStart: () => pen.turn(false) });
  const pen = makePen(vanilla.box, vanilla.plane, { onChange: () => redraw(), onStroke: change });
  const handles = makeHandles({ vanilla, withM }, {
    reach: own.reach,
    state() {
      const { length, power } = controls.read();
      return { start, guess: guess.at, density: drawn?.about, length, power };
    },
    set: {
      start(point) {
        start = rounded(vanilla.plane.inside(point));
        change();
      },
      step: (length) => setControl("length", clamped(length, 0.001, 3)),
      power: (power) => setControl("power", clamped(Number(power.toFixed(2)), 0, 1)),
      guess: moveCross,
    },
  });

  function change() {
    redraw();
    refresh();
  }

  function setControl(name, value) {
    controls.write(name, value);
    change();
  }

  function moveCross(point) {
    Object.assign(guess, { at: rounded(vanilla.plane.inside(point)), moved: true });
    redraw();
  }

  // Whether what is shown is what the question asks about.
  function isAsked() {
    if (isAsking()) return true;
    const values = controls.read();
    const same = Object.entries(own.asked).every(([name, value]) => values[name] === value);
    return same && distance(start, first) < 0.005;
  }

  // Sets all controls to what the question asks about.
  function askAgain() {
    start = first;
    for (const [name, value] of Object.entries(own.asked)) controls.write(name, value);
    player.write(own.asked_steps);
    pen.turn(false);
    isEmpty = false;
  }

  function marks(name) {
    if (name === "M" || !guess.truth || !isAsked()) return [];
    return [[guess.truth, "exact"], ...(guess.given ? [[guess.at, "your guess"]] : [])];
  }

  function drawOne({ name, tint, figure, plane, walks, bars }) {
    const answered = isAsking() || isEmpty ? null : answer?.panels[name];
    drawPanel(plane, {
      name, tint, color: (of) => color(section, of),
      drawn: isEmpty && !isAsking() ? null : drawn, start, length: controls.read().length,
      walks, bars, answered, t: player.read(), marks: marks(name),
      pen: name === "vanilla" && pen.on() ? pen : null,
    });
    if (answered) listDirections(figure.querySelector("ul"), answered, player.read());
  }

  const isUndrawn = () => select.value === "drawing" && !pen.strokes().length;

  function redraw() {
    if (!vanilla.plane.unit()) return;
    const { target, sampler } = controls.read();
    find(".pds-kappa").hidden = target !== "ellipse";
    find(".pds-pen").hidden = target !== "drawing" || isAsking();
    find(".pds-hint").hidden = !pen.on();
    find("[name=swirl]").disabled = sampler === "MALA";
    find(".pds-reason").hidden = sampler !== "MALA";
    section.toggleAttribute("data-empty", isEmpty && !isAsking());
    drawButton.setAttribute("aria-pressed", pen.on());
    handles.place();
    panels.filter(({ plane }) => plane.unit()).forEach(drawOne);
  }

  async function show(about) {
    if (drawn?.about.picture !== about.picture) drawn = { about, mask: await stencil(about.picture) };
    drawn.about = about;
    redraw();
  }

  // The pen needs the plane in sight.
  function turnPen(on) {
    pen.turn(on);
    redraw();
    if (on) vanilla.figure.scrollIntoView({ block: "nearest" });
  }

  drawButton.addEventListener("click", () => turnPen(!pen.on()));
  find(".pds-clear").addEventListener("click", () => {
    pen.write([]);
    isEmpty = true;
    turnPen(true);
  });

  // Another density comes with its own start and step. This precedes the request of the control.
  section.addEventListener("input", ({ target }) => {
    if (target !== select) return;
    const { start: at, step } = own.beginnings[select.value];
    start = at;
    controls.write("length", step);
    isEmpty = isUndrawn();
    turnPen(isEmpty);
  }, { capture: true });
  section.addEventListener("input", () => redraw());
  matchMedia("print").addEventListener("change", () => redraw());

  new MutationObserver(() => {
    player.halt();
    if (!isAsking()) return redraw();
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
    ready: () => !isUndrawn(),
    async accept(given) {
      answer = given;
      isEmpty = isUndrawn();
      accepted = { target: select.value, start, strokes: [...pen.strokes()] };
      for (const panel of panels) takeWalks(panel, given, { ...own, num_steps: player.last });
      await show(given.drawn);
    },
    // Takes a refused change back.
    refuse() {
      select.value = accepted.target;
      start = accepted.start;
      pen.write(accepted.strokes);
      pen.turn(false);
      isEmpty = false;
      redraw();
    },
    guess: {
      read: () => (guess.moved ? guess.at : null),
      write(point) {
        if (Array.isArray(point) && point.length === 2 && point.every(Number.isFinite)) moveCross(point);
      },
      // The picture then shows the walk that the question asks about.
      mark(truth, isGiven) {
        Object.assign(guess, { truth, given: isGiven });
        if (isAsking()) askAgain();
        redraw();
      },
      clear() {
        guess.truth = null;
        redraw();
      },
      disable(isDisabled) {
        handles.disableCross(isDisabled);
        if (!isDisabled) Object.assign(guess, { at: CROSS, moved: false });
        redraw();
      },
    },
  };
}
