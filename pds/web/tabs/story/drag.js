// Figures that are dragged: a click or a drag in a figure moves the sliders of its step.

import { find, findAll } from "../../static/dom.js";

/** @import { Figure } from "../../static/plots.js" */
/** @import { Context } from "./step.js" */

/**
 * @typedef {object} Dragged
 * @property {string} axes that a drag follows
 * @property {(values: Record<string, number>) => [number | null, number | null]} at where the chosen values
 *   stand; null is the end of a line
 * @property {(x: number, y: number) => Record<string, number>} to the values of a point
 */

/** By step. @type {Record<string, Dragged>} */
const DRAGGED = {
  octaves: {
    axes: "y",
    at: ({ sigma }) => [null, sigma],
    to: (_, sigma) => ({ sigma }),
  },
  controls: {
    axes: "x",
    at: ({ num_steps }) => [num_steps, null],
    to: (num_steps) => ({ num_steps }),
  },
  map: {
    axes: "xy",
    at: ({ num_steps, alpha }) => [num_steps, alpha - 1],
    to: (num_steps, strength) => ({ num_steps, alpha: strength + 1 }),
  },
  clocks: {
    axes: "x",
    at: ({ iteration }) => [iteration, null],
    to: (iteration) => ({ iteration }),
  },
};

const SLACK = 6; // pixels that a finger moves before it says where to
const END = 22; // pixels from the end of an axis to the grip of a line

/** @param {number} value @param {number} length */
const within = (value, length) => Math.min(Math.max(value, 0), length);

/**
 * The stop of a slider that is nearest to a value, in the logarithm; without stops the value itself.
 * @param {HTMLElement} slider
 * @param {number} value
 */
function nearestStop({ dataset: { stops, origin = "0" } }, value) {
  if (!stops) return value;
  const list = stops.split(" ").map(Number);
  const from = Number(origin);
  const away = (/** @type {number} */ stop) => Math.abs(Math.log((stop - from) / (Math.max(value, list[0]) - from)));
  return list.reduce((best, stop) => (away(stop) < away(best) ? stop : best));
}

/**
 * The places and values of a figure's axes, in pixels from their beginning.
 * @param {Figure} figure
 */
function axesOf(figure) {
  const axes = () => /** @type {{ xaxis: any, yaxis: any }} */ (figure._fullLayout);
  const pixels = (/** @type {{ clientX: number, clientY: number }} */ { clientX, clientY }) => {
    const { xaxis, yaxis } = axes();
    const { left, top } = figure.getBoundingClientRect();
    return [clientX - left - xaxis._offset, clientY - top - yaxis._offset];
  };
  return {
    // Whether a pointer is inside of the axes.
    contains(/** @type {PointerEvent} */ event) {
      const { xaxis, yaxis } = axes();
      const [x, y] = pixels(event);
      return x >= 0 && x <= xaxis._length && y >= 0 && y <= yaxis._length;
    },
    // The values under a pointer.
    valuesAt(/** @type {PointerEvent} */ event) {
      const { xaxis, yaxis } = axes();
      const [x, y] = pixels(event);
      return [xaxis.p2d(within(x, xaxis._length)), yaxis.p2d(within(y, yaxis._length))];
    },
    // The place of values in the figure, in pixels.
    place(/** @type {[number | null, number | null]} */ values) {
      const { xaxis, yaxis } = axes();
      return [xaxis, yaxis].map((axis, i) => {
        const { _length: length, _offset: offset } = axis;
        return offset + (values[i] === null ? length - END : within(axis.d2p(values[i]), length));
      });
    },
  };
}

/**
 * Calls `onDrag` while a pointer drags in a figure. A finger may be about to scroll the page: it drags
 * once it moves sideways, and chooses as it lifts.
 * @param {HTMLElement} figure
 * @param {HTMLElement} grip from which a finger drags at once
 * @param {object} options
 * @param {(event: PointerEvent) => boolean} options.isInside whether a drag can begin
 * @param {(event: PointerEvent) => void} options.onDrag
 */
function followDrags(figure, grip, { isInside, onDrag }) {
  /** @type {number | null} */
  let dragging = null; // the pointer that does
  /** @type {PointerEvent | null} */
  let touched = null; // where a finger began that may yet scroll the page

  figure.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !isInside(event)) return;
    dragging = event.pointerId;
    touched = event.pointerType === "touch" && event.target !== grip ? event : null;
    if (touched) return;
    figure.setPointerCapture(dragging);
    onDrag(event);
  });
  figure.addEventListener("pointermove", (event) => {
    if (event.pointerId !== dragging) return;
    if (!touched) return onDrag(event);
    const [across, down] = [event.clientX - touched.clientX, event.clientY - touched.clientY].map(Math.abs);
    if (Math.max(across, down) < SLACK) return;
    if (down > across) dragging = null;
    touched = null;
  });
  figure.addEventListener("pointerup", (event) => {
    if (event.pointerId === dragging) onDrag(event);
    dragging = null;
  });
  figure.addEventListener("pointercancel", () => (dragging = null));
}

/**
 * @param {HTMLElement} section
 * @param {Pick<Context, "controls" | "refresh">} context
 */
export function makeDraggable(section, { controls, refresh }) {
  const name = section.dataset.step ?? "";
  const { axes, at, to } = DRAGGED[name];
  const figure = /** @type {Figure & { on: (event: string, listener: () => void) => void }} */ (find(section, `[data-plot="${name}"]`));
  const grip = Object.assign(document.createElement("i"), { className: "pds-grip" });
  const { contains, valuesAt, place } = axesOf(figure);
  figure.dataset.drag = axes;
  figure.setAttribute("aria-description", "The sliders do the same as a drag in the figure");

  // Puts the grip on what is chosen, or at the end of a line.
  function placeGrip() {
    const [left, top] = place(at(controls.read()));
    grip.style.translate = `${left}px ${top}px`;
  }

  function choose(/** @type {PointerEvent} */ event) {
    const [x, y] = valuesAt(event);
    const before = JSON.stringify(controls.read());
    for (const [control, value] of Object.entries(to(x, y))) {
      controls.write(control, nearestStop(find(section, `.pds-answer [name=${control}]`), value));
    }
    placeGrip();
    if (JSON.stringify(controls.read()) !== before) refresh();
  }

  followDrags(figure, grip, {
    isInside: (event) => grip.isConnected && (event.target === grip || contains(event)),
    onDrag: choose,
  });

  return {
    accept() {
      if (!grip.isConnected) {
        figure.append(grip);
        figure.on("plotly_afterplot", placeGrip);
      }
      placeGrip();
    },
  };
}

/**
 * The octaves of a picture, which are as many as its size has; those below the noise are marked.
 * @param {HTMLElement} section
 * @param {Context} context
 */
export function makeOctaves(section, context) {
  const figure = makeDraggable(section, context);
  const pictures = findAll(section, ".pds-octaves figure");
  return {
    accept(/** @type {{ drowned: boolean[] }} */ { drowned }) {
      figure.accept();
      pictures.forEach((picture, j) => {
        picture.hidden = j >= drowned.length;
        picture.classList.toggle("drowned", drowned[j] === true);
      });
    },
  };
}
