// The handles of the plane: the start of the walks, the step, M, and the cross of the guess.

import { halfAxis, noiseRadius, powerOf, stepOf } from "./geometry.js";

const ARROW_STEP = 0.05; // of a point that an arrow key moves
const STEM = 34; // pixels from the noise of one step to the handle that sets it

export const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

// A handle in a box: a drag calls `moveTo(point)`, an arrow key `nudge([dx, dy])`. Its value lies between
// `ends`; `place` puts it on a point, with its value as text.
function makeHandle(box, plane, { kind, label, sign = "", ends, moveTo, nudge }) {
  const node = document.createElement("div");
  Object.assign(node, { className: `pds-handle ${kind}`, tabIndex: 0, title: label });
  node.setAttribute("role", "slider");
  node.setAttribute("aria-label", label);
  ["aria-valuemin", "aria-valuemax"].forEach((name, i) => node.setAttribute(name, ends[i]));
  node.append(Object.assign(document.createElement("span"), { textContent: sign }));
  box.append(node);
  let grip = null; // from the handle's point to where it was taken hold of
  let here = [0, 0];

  node.addEventListener("pointerdown", (event) => {
    if (event.button || node.getAttribute("aria-disabled") === "true") return;
    event.preventDefault();
    node.focus({ preventScroll: true });
    node.setPointerCapture(event.pointerId);
    const [x, y] = plane.under(event);
    grip = [here[0] - x, here[1] - y];
  });
  node.addEventListener("pointermove", (event) => {
    if (!grip) return;
    const [x, y] = plane.under(event);
    moveTo([x + grip[0], y + grip[1]]);
  });
  for (const end of ["pointerup", "pointercancel"]) node.addEventListener(end, () => (grip = null));
  node.addEventListener("keydown", (event) => {
    if (!(event.key in ARROWS) || node.getAttribute("aria-disabled") === "true") return;
    event.preventDefault();
    nudge(ARROWS[event.key].map((d) => d * (event.shiftKey ? 5 : 1)));
  });
  return {
    node,
    place(point, value, text) {
      here = plane.inside(point);
      const [left, top] = plane.pixels(here);
      Object.assign(node.style, { left: `${left}px`, top: `${top}px` });
      node.setAttribute("aria-valuenow", value);
      node.setAttribute("aria-valuetext", text);
    },
  };
}

const places = ([x, y]) => `x = ${x.toFixed(2)}, y = ${y.toFixed(2)}`;
const shifted = ([x, y], [dx, dy]) => [x + ARROW_STEP * dx, y + ARROW_STEP * dy];

// Where the handle of the step stands: beyond the noise of the step, toward the middle of the plane.
export function stem(plane, [x, y], length) {
  const side = x > 0 ? -1 : 1;
  const near = noiseRadius(length);
  const far = near + STEM / plane.unit();
  return { side, line: [near, far].map((at) => [x + side * at, y]) };
}

// Makes all handles of both panels. `state()` returns what they show: the start, the guess, the density
// that is drawn, and the controls; `set` has a function for each value that they change.
export function makeHandles({ vanilla, withM }, { reach, state, set }) {
  const ends = [-reach[0], reach[0]];
  const starts = [vanilla, withM].map(({ box, plane }) =>
    makeHandle(box, plane, {
      kind: "start", label: "Start of the walks", ends, moveTo: set.start,
      nudge: (by) => set.start(shifted(state().start, by)),
    })
  );
  const step = makeHandle(vanilla.box, vanilla.plane, {
    kind: "step", label: "Step e", sign: "e", ends: [0.001, 3],
    moveTo([x]) {
      const { start } = state();
      const { side } = stem(vanilla.plane, start, 0);
      set.step(stepOf((x - start[0]) * side - STEM / vanilla.plane.unit()));
    },
    nudge([dx, dy]) {
      const { start, length } = state();
      set.step(length * 1.05 ** (dx * stem(vanilla.plane, start, 0).side + dy));
    },
  });
  const m = makeHandle(withM.box, withM.plane, {
    kind: "m", label: "Strength of M", sign: "M", ends: [0, 1],
    moveTo([x, y]) {
      const { mean, handle } = state().density;
      set.power(powerOf(handle.std, (x - mean[0]) * handle.along[0] + (y - mean[1]) * handle.along[1]));
    },
    nudge: ([dx, dy]) => set.power(state().power + 0.01 * (dx + dy)),
  });
  const cross = makeHandle(vanilla.box, vanilla.plane, {
    kind: "cross", label: "Your guess of the mean", sign: "+", ends, moveTo: set.guess,
    nudge: (by) => set.guess(shifted(state().guess, by)),
  });
  return {
    disableCross: (isDisabled) => cross.node.setAttribute("aria-disabled", isDisabled),
    place() {
      const { start, guess, density, length, power } = state();
      for (const handle of starts) handle.place(start, start[0], places(start));
      step.place(stem(vanilla.plane, start, length).line[1], length, `e = ${length}`);
      cross.place(guess, guess[0], places(guess));
      if (!density) return;
      const { mean, handle } = density;
      const radius = halfAxis(handle.std, power);
      m.place(mean.map((at, i) => at + radius * handle.along[i]), power, `strength ${power}`);
      m.node.hidden = Math.abs(Math.log(handle.std)) < 0.1;
    },
  };
}
