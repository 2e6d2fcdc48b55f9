// What a panel of the story's first step shows: a density, its walks, what moves them, and what was
// guessed.

import { ellipse, noiseRadius, SPREAD } from "./geometry.js";
import { stem } from "./handles.js";

/**
 * @import { Canvas } from "./canvas.js"
 * @import { Point, unpacked } from "./geometry.js"
 * @import { Pen } from "./pen.js"
 */

/**
 * A density as the server describes it.
 * @typedef {object} Density
 * @property {string} picture a PNG in base64, white where the density is highest
 * @property {number[][]} marginals the density of each coordinate, at even distances over the plane
 * @property {Point} mean
 * @property {{ std: number, along: Point }} handle the standard deviation that M changes most, and its
 *   direction
 *
 * A step along an eigen-direction, and the steps until it has converged.
 * @typedef {{ text: string, steps: number | null, unstable: boolean }} Direction
 *
 * The walks of one sampler.
 * @typedef {object} PanelAnswer
 * @property {string} chains see `unpacked`
 * @property {Point[]} mean of all walks, by step, up to where they diverge
 * @property {number[][]} law a matrix by step, which makes the unit circle the spread of the walks
 * @property {Point[]} axes
 * @property {number[][]} m
 * @property {string} assumption under which the directions hold, "" without one
 * @property {Direction[]} directions
 *
 * What both panels show alike, except for the answer.
 * @typedef {object} Shown
 * @property {{ about: Density, mask: OffscreenCanvas } | null} drawn
 * @property {Point} start
 * @property {number} length the step e
 * @property {PanelAnswer | null} answer null while there are no walks
 * @property {number} t steps taken
 * @property {[Point, string][]} marks labeled points
 * @property {Pen | null} pen while a density is drawn on this panel, in place of its controls
 *
 * @typedef {Shown & {
 *   name: "vanilla" | "M",
 *   tint: string,
 *   color: (name: string) => string,
 * }} Scene tint: the color of the sampler; color: returns one of the theme
 *
 * @typedef {{ answer: PanelAnswer, walks: ReturnType<typeof unpacked>, bars: Float64Array[][] }} Walks bars:
 *   histograms by axis and step
 */

/**
 * Gray once it is converged, red where it never will be. Only a Gaussian converges like that.
 * @param {Direction} direction
 * @param {number} t
 * @param {string} assumption
 */
function directionState({ steps, unstable }, t, assumption) {
  if (unstable) return "unstable";
  return !assumption && steps !== null && steps <= t ? "converged" : "moving";
}

/**
 * Says in a list what a step does along both directions.
 * @param {HTMLElement} list
 * @param {PanelAnswer} answer
 * @param {number} t
 */
export function listDirections(list, { directions, assumption }, t) {
  const item = (/** @type {string} */ className, /** @type {string} */ textContent) =>
    Object.assign(document.createElement("li"), { className, textContent });
  const items = directions.map((direction) => item(directionState(direction, t, assumption), direction.text));
  list.replaceChildren(...(assumption ? [item("assumption", assumption)] : []), ...items);
}

/** @param {Canvas} plane @param {PanelAnswer} answer @param {Point} mean @param {Scene} scene */
function drawAxes(plane, { axes, directions, assumption }, [x, y], { color, t }) {
  axes.forEach(([dx, dy], i) => {
    const tint = { unstable: "bad", converged: "line", moving: "soft" }[directionState(directions[i], t, assumption)];
    plane.stroke([[x - dx, y - dy], [x + dx, y + dy]], color(tint), { width: 2 });
  });
}

/**
 * All walks as points, the path of one, and the path of the mean with its spread.
 * @param {Canvas} plane
 * @param {Walks} walks
 * @param {Scene} scene
 */
function drawWalks(plane, { answer: { mean, law }, walks }, { color, tint, t }) {
  const main = color(tint);
  const faint = `color-mix(in srgb, ${main} 55%, transparent)`;
  for (let i = 0; i < walks.count; i++) plane.dot(walks.at(t, i), faint, 2.2);
  plane.stroke(Array.from({ length: t + 1 }, (_, step) => walks.at(step, 0)), color("soft"));
  const last = Math.min(t, mean.length - 1);
  plane.stroke(ellipse(law[last], mean[last], SPREAD), main, { width: 2, dash: [6, 4] });
  plane.stroke(mean.slice(0, last + 1), main, { width: 3 });
  plane.dot(mean[last], main, 5);
}

/**
 * The noise of one step at the start, and in the right panel M itself.
 * @param {Canvas} plane
 * @param {PanelAnswer} answer
 * @param {Point} mean
 * @param {Scene} scene
 */
function drawControls(plane, { m }, mean, { start, color, name, length }) {
  const ink = color("ink");
  const matrix = name === "M" ? m.flat() : [1, 0, 0, 1];
  plane.stroke(ellipse(matrix, start, noiseRadius(length)), ink, { width: 1.5 });
  const dotted = { width: 1.5, dash: [2, 3] };
  if (name === "M") plane.stroke(ellipse(matrix, mean, SPREAD), ink, dotted);
  else plane.stroke(stem(plane, start, length).line, ink);
}

/** @param {Canvas} plane @param {Scene} scene */
function drawMarks(plane, { marks, color }) {
  plane.stroke(marks.map(([point]) => point), color("ink"), { dash: [3, 3] });
  for (const [point] of marks) {
    plane.dot(point, color("paper"), 7);
    plane.dot(point, color("ink"), 5);
  }
  const ink = { color: color("ink"), paper: color("paper") };
  const fromAbove = [...marks].sort(([[, a]], [[, b]]) => b - a);
  fromAbove.forEach(([point, label], i) => plane.write(label, point, { above: i === 0, ...ink }));
}

/** @param {Canvas} plane @param {Pen} pen @param {string} ink */
function drawStrokes(plane, pen, ink) {
  for (const points of pen.strokes()) {
    plane.stroke(points, ink, { width: 3 });
    if (points.length === 1) plane.dot(points[0], ink, 3);
  }
  const tip = pen.tip();
  if (tip) plane.stroke(ellipse([0.1, 0, 0, 0.1], tip), ink, { width: 2 });
}

/** @param {Canvas} plane @param {Density} density @param {Walks | null} walks @param {Scene} scene */
function drawHistograms(plane, { marginals }, walks, { t, color, tint }) {
  const tone = { color: `color-mix(in srgb, ${color(tint)} 50%, transparent)`, ink: color("ink") };
  marginals.forEach((density, axis) => plane.bars(axis, walks && walks.bars[axis][t], density, tone));
}

/**
 * Draws a panel.
 * @param {Canvas} plane
 * @param {Scene} scene
 * @param {Walks | null} walks
 */
export function drawPanel(plane, scene, walks) {
  const { drawn, start, marks, pen, color } = scene;
  plane.plane(() => {
    if (drawn) plane.shade(drawn.mask, color("data"));
    if (drawn && walks) {
      drawAxes(plane, walks.answer, drawn.about.mean, scene);
      drawWalks(plane, walks, scene);
      if (!pen) drawControls(plane, walks.answer, drawn.about.mean, scene);
    }
    plane.dot(start, color("ink"), 6);
    if (marks.length) drawMarks(plane, scene);
    if (pen) drawStrokes(plane, pen, color("ink"));
  }, color("line"));
  if (drawn) drawHistograms(plane, drawn.about, walks, scene);
}
