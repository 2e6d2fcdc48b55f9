// The handles of the plane: the start of the walks, the step, M, and the cross of the guess.

import { halfAxis, noiseRadius, powerOf, shifted, stepOf } from "./geometry.js";

/** @import { Canvas } from "./canvas.js" */
/** @import { Point } from "./geometry.js" */
/** @import { Panel } from "./panel.js" */
/** @import { Density } from "./walks.js" */

const ARROW_STEP = 0.05; // of a point that an arrow key moves
const STEM = 34; // pixels from the noise of one step to the handle that sets it

/** @type {Record<string, Point>} */
export const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/**
 * What the handles show.
 * @typedef {object} State
 * @property {Point} start
 * @property {Point} guess
 * @property {Density | undefined} density
 * @property {number} length the step e
 * @property {number} power strength of M
 *
 * What the handles change, each called with its new value.
 * @typedef {object} Setters
 * @property {(point: Point) => void} start
 * @property {(point: Point) => void} guess
 * @property {(length: number) => void} step
 * @property {(power: number) => void} power
 *
 * @typedef {object} Handle
 * @property {string} kind its class
 * @property {string} label
 * @property {string} [sign] text in it
 * @property {[number, number]} ends of its value
 * @property {(point: Point) => void} moveTo called when it is dragged
 * @property {(by: Point) => void} nudge called with the direction of an arrow key
 */

/**
 * Makes a handle in a panel.
 * @param {Panel} panel
 * @param {Handle} handle
 */
function makeHandle({ box, plane }, { kind, label, sign = "", ends, moveTo, nudge }) {
  const node = document.createElement("div");
  Object.assign(node, { className: `pds-handle ${kind}`, tabIndex: 0, title: label });
  node.setAttribute("role", "slider");
  node.setAttribute("aria-label", label);
  ["aria-valuemin", "aria-valuemax"].forEach((name, i) => node.setAttribute(name, String(ends[i])));
  node.append(Object.assign(document.createElement("span"), { textContent: sign }));
  box.append(node);
  /** @type {Point | null} */
  let grip = null; // from the pointer to the handle's point while it is dragged
  /** @type {Point} */
  let here = [0, 0];

  node.addEventListener("pointerdown", (event) => {
    if (event.button || node.getAttribute("aria-disabled") === "true") return;
    event.preventDefault();
    node.focus({ preventScroll: true });
    node.setPointerCapture(event.pointerId);
    grip = shifted(here, plane.under(event), -1);
  });
  node.addEventListener("pointermove", (event) => {
    if (grip) moveTo(shifted(plane.under(event), grip));
  });
  for (const end of ["pointerup", "pointercancel"]) node.addEventListener(end, () => (grip = null));
  node.addEventListener("keydown", (event) => {
    if (!(event.key in ARROWS) || node.getAttribute("aria-disabled") === "true") return;
    event.preventDefault();
    nudge(shifted([0, 0], ARROWS[event.key], event.shiftKey ? 5 : 1));
  });
  return {
    node,
    /**
     * @param {Point} point
     * @param {number} value
     * @param {string} text the value as assistive technology reads it
     */
    place(point, value, text) {
      here = plane.inside(point);
      const [left, top] = plane.pixels(here);
      Object.assign(node.style, { left: `${left}px`, top: `${top}px` });
      node.setAttribute("aria-valuenow", String(value));
      node.setAttribute("aria-valuetext", text);
    },
  };
}

/** @param {Point} point */
const coordinates = ([x, y]) => `x = ${x.toFixed(2)}, y = ${y.toFixed(2)}`;

/**
 * A handle that is a point of the plane.
 * @param {Panel} panel
 * @param {Pick<Handle, "kind" | "label" | "sign" | "ends">} handle
 * @param {() => Point} read
 * @param {(point: Point) => void} write
 */
function makePoint(panel, handle, read, write) {
  const nudge = (/** @type {Point} */ by) => write(shifted(read(), by, ARROW_STEP));
  const { node, place } = makeHandle(panel, { ...handle, moveTo: write, nudge });
  return { node, place: () => place(read(), read()[0], coordinates(read())) };
}

/**
 * Where the handle of the step stands: beyond the noise of the step, toward the middle of the plane.
 * @param {Canvas} plane
 * @param {Point} start
 * @param {number} length the step e
 * @returns {{ side: number, line: [Point, Point] }} side: 1 to the right of the start, -1 to the left
 */
export function stem(plane, [x, y], length) {
  const side = x > 0 ? -1 : 1;
  const near = noiseRadius(length);
  const far = near + STEM / plane.unit();
  return { side, line: [[x + side * near, y], [x + side * far, y]] };
}

/**
 * @param {Panel} panel
 * @param {() => State} state
 * @param {Setters} set
 */
function makeStep(panel, state, set) {
  const { plane } = panel;
  const { place } = makeHandle(panel, {
    kind: "step", label: "Step e", sign: "e", ends: [0.001, 3],
    moveTo([x]) {
      const { start } = state();
      const { side } = stem(plane, start, 0);
      set.step(stepOf((x - start[0]) * side - STEM / plane.unit()));
    },
    nudge([dx, dy]) {
      const { start, length } = state();
      set.step(length * 1.05 ** (dx * stem(plane, start, 0).side + dy));
    },
  });
  return {
    place() {
      const { start, length } = state();
      place(stem(plane, start, length).line[1], length, `e = ${length}`);
    },
  };
}

/**
 * @param {Panel} panel
 * @param {() => State} state
 * @param {Setters} set
 */
function makeStrength(panel, state, set) {
  const { node, place } = makeHandle(panel, {
    kind: "m", label: "Strength of M", sign: "M", ends: [0, 1],
    moveTo(point) {
      const { density } = state();
      if (!density) return;
      const { mean, handle: { std, along } } = density;
      const [dx, dy] = shifted(point, mean, -1);
      set.power(powerOf(std, dx * along[0] + dy * along[1]));
    },
    nudge: ([dx, dy]) => set.power(state().power + 0.01 * (dx + dy)),
  });
  return {
    // A round density has no direction in which M shows.
    place() {
      const { density, power } = state();
      if (!density) return;
      const { mean, handle: { std, along } } = density;
      place(shifted(mean, along, halfAxis(std, power)), power, `strength ${power}`);
      node.hidden = Math.abs(Math.log(std)) < 0.1;
    },
  };
}

/**
 * Makes all handles of both panels.
 * @param {{ vanilla: Panel, withM: Panel }} panels
 * @param {object} options
 * @param {Point} options.reach of the plane on both sides of 0
 * @param {() => State} options.state
 * @param {Setters} options.set
 */
export function makeHandles({ vanilla, withM }, { reach, state, set }) {
  /** @type {[number, number]} */
  const ends = [-reach[0], reach[0]];
  const start = { kind: "start", label: "Start of the walks", ends };
  const guess = { kind: "cross", label: "Your guess of the mean", sign: "+", ends };
  const starts = [vanilla, withM].map((panel) => makePoint(panel, start, () => state().start, set.start));
  const step = makeStep(vanilla, state, set);
  const strength = makeStrength(withM, state, set);
  const cross = makePoint(vanilla, guess, () => state().guess, set.guess);
  return {
    disableCross: (/** @type {boolean} */ isDisabled) => cross.node.setAttribute("aria-disabled", String(isDisabled)),
    place: () => [...starts, step, cross, strength].forEach((handle) => handle.place()),
  };
}
