// What a panel of the story's first step shows: a density, its walks, what moves them, and what was
// guessed.

import { ellipse, noiseRadius, SPREAD } from "./geometry.js";
import { stem } from "./handles.js";

// Gray once it is converged, red where it never will be. Only a Gaussian converges like that.
function directionState({ steps, unstable }, t, of) {
  if (unstable) return "unstable";
  return !of && steps <= t ? "converged" : "moving";
}

// Says in a list what a step does along both directions.
export function listDirections(list, { directions, of }, t) {
  const item = (className, textContent) =>
    Object.assign(document.createElement("li"), { className, textContent });
  const items = directions.map((direction) => item(directionState(direction, t, of), direction.text));
  list.replaceChildren(...(of ? [item("of", of)] : []), ...items);
}

function drawAxes(plane, { axes, directions, of }, { drawn, color, t }) {
  const { mean } = drawn.about;
  axes.forEach((axis, i) => {
    const tint = { unstable: "bad", converged: "line", moving: "soft" }[directionState(directions[i], t, of)];
    const ends = [-1, 1].map((side) => mean.map((at, k) => at + side * axis[k]));
    plane.stroke(ends, color(tint), { width: 2 });
  });
}

// All walks as points, the path of one, and the path of the mean with its spread.
function drawWalks(plane, { mean, law }, { walks, color, tint, t }) {
  const main = color(tint);
  const faint = `color-mix(in srgb, ${main} 55%, transparent)`;
  for (let i = 0; i < walks.count; i++) plane.dot(walks.at(t, i), faint, 2.2);
  plane.stroke(Array.from({ length: t + 1 }, (_, step) => walks.at(step, 0)), color("soft"));
  const last = Math.min(t, mean.length - 1);
  plane.stroke(ellipse(law[last], mean[last], SPREAD), main, { width: 2, dash: [6, 4] });
  plane.stroke(mean.slice(0, last + 1), main, { width: 3 });
  plane.dot(mean[last], main, 5);
}

// The noise of one step at the start, and in the right panel M itself.
function drawControls(plane, { m }, { drawn, start, color, name, length }) {
  const ink = color("ink");
  const matrix = name === "M" ? m.flat() : [1, 0, 0, 1];
  plane.stroke(ellipse(matrix, start, noiseRadius(length)), ink, { width: 1.5 });
  const dotted = { width: 1.5, dash: [2, 3] };
  if (name === "M") plane.stroke(ellipse(matrix, drawn.about.mean, SPREAD), ink, dotted);
  else plane.stroke(stem(plane, start, length).line, ink);
}

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

function drawStrokes(plane, { pen, color }) {
  for (const points of pen.strokes()) {
    plane.stroke(points, color("ink"), { width: 3 });
    if (points.length === 1) plane.dot(points[0], color("ink"), 3);
  }
  if (pen.tip()) plane.stroke(ellipse([0.1, 0, 0, 0.1], pen.tip()), color("ink"), { width: 2 });
}

function drawHistograms(plane, { drawn, bars, answered, t, color, tint }) {
  const tone = { color: `color-mix(in srgb, ${color(tint)} 50%, transparent)`, ink: color("ink") };
  drawn.about.marginals.forEach((density, axis) => {
    plane.bars(axis, answered ? bars[axis][t] : null, density, tone);
  });
}

// Draws a panel: `shown` holds { name, tint, color, drawn, start, length, walks, bars, answered, t, marks,
// pen }. Without `answered` there are no walks; with a pen there are no controls.
export function drawPanel(plane, shown) {
  const { drawn, answered, start, color } = shown;
  plane.plane(() => {
    if (drawn) plane.shade(drawn.mask, color("data"));
    if (answered) {
      drawAxes(plane, answered, shown);
      drawWalks(plane, answered, shown);
      if (!shown.pen) drawControls(plane, answered, shown);
    }
    plane.dot(start, color("ink"), 6);
    if (shown.marks.length) drawMarks(plane, shown);
    if (shown.pen) drawStrokes(plane, shown);
  }, color("line"));
  if (drawn) drawHistograms(plane, shown);
}
