// A panel of the plane: the walks of one sampler, and what a step does along both directions.

import { find } from "../../static/dom.js";
import { color } from "../../static/theme.js";
import { makeCanvas } from "./canvas.js";
import { histograms, unpacked } from "./geometry.js";
import { drawPanel, listDirections } from "./walks.js";

/** @import { Point } from "./geometry.js" */
/** @import { PanelAnswer, Shown } from "./walks.js" */
/** @typedef {ReturnType<typeof makePanel>} Panel */

/**
 * @param {HTMLElement} section
 * @param {"vanilla" | "M"} name
 * @param {Point} reach of the plane on both sides of 0
 * @param {() => void} onResize
 */
export function makePanel(section, name, reach, onResize) {
  const figure = find(section, `[data-panel="${name}"]`);
  const box = find(figure, ".pds-plane");
  const plane = makeCanvas(box, { reach, onResize });
  const canvas = find(box, "canvas");
  const list = find(figure, "ul");
  const label = canvas.getAttribute("aria-label");
  const tint = name === "M" ? "ours" : "vanilla";
  /** @type {ReturnType<typeof unpacked> | null} */
  let walks = null;
  /** @type {Float64Array[][]} */
  let bars = []; // by axis and step

  return {
    name, figure, box, plane,
    /**
     * Takes over the walks of an answer.
     * @param {PanelAnswer} answer
     * @param {{ scale: number, num_steps: number }} format
     * @param {string} description
     */
    takeWalks({ chains }, { scale, num_steps }, description) {
      const taken = unpacked(chains, { scale, num_steps });
      walks = taken;
      bars = reach.map((far, axis) => histograms(taken, num_steps, axis, far));
      canvas.setAttribute("aria-label", `${label}. ${description}`);
    },
    // Draws what both panels share and, with an answer, the walks. A panel on a phone may be hidden.
    draw(/** @type {Shown} */ shown) {
      if (!plane.unit()) return;
      const own = walks && shown.answer ? { answer: shown.answer, walks, bars } : null;
      drawPanel(plane, { ...shown, name, tint, color: (of) => color(section, of) }, own);
      if (shown.answer) listDirections(list, shown.answer, shown.t);
    },
  };
}
