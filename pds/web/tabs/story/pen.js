// A pen that draws a density on the plane.

import { distance, shifted } from "./geometry.js";
import { ARROWS } from "./handles.js";

/** @import { Canvas } from "./canvas.js" */
/** @import { Point } from "./geometry.js" */
/** @typedef {ReturnType<typeof makePen>} Pen */

/**
 * @param {HTMLElement} box
 * @param {Canvas} plane
 * @param {object} events
 * @param {() => void} events.onChange called while the pen draws
 * @param {() => void} events.onStroke called when a stroke is done
 */
export function makePen(box, plane, { onChange, onStroke }) {
  /** @type {Point[][]} */
  let strokes = [];
  let drawing = false;
  let down = false;
  /** @type {Point} */
  let tip = [0, 0];

  box.addEventListener("pointerdown", (event) => {
    if (!drawing || event.button) return;
    event.preventDefault();
    box.focus({ preventScroll: true });
    box.setPointerCapture(event.pointerId);
    down = true;
    strokes.push([plane.inside(plane.under(event))]);
    onChange();
  });
  box.addEventListener("pointermove", (event) => {
    if (!down) return;
    const stroke = strokes[strokes.length - 1];
    const point = plane.inside(plane.under(event));
    if (distance(point, stroke[stroke.length - 1]) > 0.03) stroke.push(point);
    onChange();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    box.addEventListener(end, () => {
      if (down) onStroke();
      down = false;
    });
  }
  box.addEventListener("keydown", (event) => {
    if (!drawing || event.target !== box) return;
    if (event.key === " ") {
      strokes.push([tip]);
      onStroke();
    } else if (event.key in ARROWS) {
      tip = plane.inside(shifted(tip, ARROWS[event.key], event.shiftKey ? 0.5 : 0.1));
    } else return;
    event.preventDefault();
    onChange();
  });
  box.addEventListener("focus", onChange);
  box.addEventListener("blur", onChange);

  return {
    on: () => drawing,
    strokes: () => strokes,
    write: (/** @type {Point[][]} */ given) => (strokes = [...given]),
    tip: () => (drawing && document.activeElement === box ? tip : null),
    turn(/** @type {boolean} */ on) {
      drawing = on;
      box.classList.toggle("drawing", on);
      if (on) {
        box.tabIndex = 0;
        box.setAttribute("role", "application");
        box.setAttribute("aria-label", "Plane to draw on: arrow keys move the pen, Space sets a dot");
      } else {
        for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
      }
    },
  };
}
