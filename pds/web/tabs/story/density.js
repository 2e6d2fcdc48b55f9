// The density of the plane: chosen from a menu, or drawn with the pen.

import { find } from "../../static/dom.js";
import { resampled } from "./geometry.js";
import { makePen } from "./pen.js";

/** @import { Point } from "./geometry.js" */
/** @import { Panel } from "./panel.js" */

/**
 * Where the walks on a density begin, and the step that is set when it is chosen.
 * @typedef {{ title: string, start: Point, step: number }} Beginning
 *
 * @typedef {object} DensitySetup
 * @property {Record<string, Beginning>} beginnings by density
 * @property {number} num_points most points of a drawing
 * @property {number} pen width of its strokes
 */

/**
 * @param {HTMLElement} section
 * @param {Panel} panel to draw on
 * @param {DensitySetup} setup
 * @param {object} events
 * @param {(beginning: Beginning) => void} events.onChoose called when another density is chosen, before
 *   it is requested
 * @param {() => void} events.onStroke called when a stroke is done
 * @param {() => void} events.redraw
 */
export function makeDensity(section, { figure, box, plane }, setup, { onChoose, onStroke, redraw }) {
  const pen = makePen(box, plane, { onChange: redraw, onStroke });
  const menu = find(section, "[name=target]", HTMLSelectElement);
  const drawButton = find(section, ".pds-draw");
  const { beginnings } = setup;
  menu.append(...Object.entries(beginnings).map(([name, { title }]) => new Option(title, name)));
  let isEmpty = false; // whether a density is to be drawn and none was shown yet
  /** @type {{ target: string, strokes: Point[][] }} */
  let accepted = { target: "ellipse", strokes: [] };

  const isDrawing = () => menu.value === "drawing";
  const isUndrawn = () => isDrawing() && !pen.strokes().length;

  // The pen needs the plane in sight.
  function turnPen(/** @type {boolean} */ on) {
    pen.turn(on);
    redraw();
    if (on) figure.scrollIntoView({ block: "nearest" });
  }

  function rest() {
    pen.turn(false);
    isEmpty = false;
  }

  drawButton.addEventListener("click", () => turnPen(!pen.on()));
  find(section, ".pds-clear").addEventListener("click", () => {
    pen.write([]);
    isEmpty = true;
    turnPen(true);
  });
  section.addEventListener("input", ({ target }) => {
    if (target !== menu) return;
    onChoose(beginnings[menu.value]);
    isEmpty = isUndrawn();
    turnPen(isEmpty);
  }, { capture: true });

  return {
    pen,
    rest,
    isUndrawn,
    isEmpty: () => isEmpty,
    // The points of the drawing as they are sent, null for another density.
    points: () => (isDrawing() ? resampled(pen.strokes(), setup.num_points, setup.pen) : null),
    accept() {
      isEmpty = isUndrawn();
      accepted = { target: menu.value, strokes: [...pen.strokes()] };
    },
    // Takes a refused change back.
    refuse() {
      menu.value = accepted.target;
      pen.write(accepted.strokes);
      rest();
    },
    // Shows the controls that belong to the density.
    showControls(/** @type {boolean} */ isAsking) {
      find(section, ".pds-kappa").hidden = menu.value !== "ellipse";
      find(section, ".pds-pen").hidden = !isDrawing() || isAsking;
      find(section, ".pds-hint").hidden = !pen.on();
      section.toggleAttribute("data-empty", isEmpty && !isAsking);
      drawButton.setAttribute("aria-pressed", String(pen.on()));
    },
  };
}
