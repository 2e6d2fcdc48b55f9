// One moment of a run on screen: pictures and numbers of both sides, and their spectra.

import { find } from "../../static/dom.js";
import { times } from "../../static/format.js";
import { makeSpectrum, makeTrace } from "./chart.js";
import { makeLoupe } from "./loupe.js";
import { isOver } from "./moments.js";
import { paint } from "./pictures.js";
import { groups, readings } from "./readings.js";

/**
 * @typedef {import("./moments.js").Header} Header
 * @typedef {import("./moments.js").Moment & {
 *   header: Header,
 *   names: string[],
 *   order: number[],
 * }} Scene a moment, its run, the names of both samplers, and the sampler that each panel shows
 */

/** @param {HTMLElement} root */
export function makeScreen(root) {
  const panels = ["vanilla", "ours"].map((name) => find(root, `.pds-panel.${name}`));
  const canvases = panels.map((panel) => find(panel, "canvas", HTMLCanvasElement));
  const lists = panels.map((panel) => find(panel, "dl"));
  const spectrum = find(root, ".pds-spectrum svg", SVGElement);
  const drawSpectrum = makeSpectrum(spectrum);
  const drawTrace = makeTrace(find(root, ".pds-trace", SVGElement));
  /** @type {Scene | null} */
  let scene = null;
  const magnify = makeLoupe(root, canvases, () => scene);

  function paintAll() {
    if (!scene) return;
    const { header, order, sheet, row } = scene;
    canvases.forEach((canvas, side) => paint(canvas, sheet, row, order[side] * header.request.num_images, header));
    magnify();
  }

  function showReadings(/** @type {Scene} */ { header, names, order, numbers }) {
    lists.forEach((list, side) => {
      const { rows, sentence } = readings(header, numbers, order[side]);
      list.replaceChildren(...groups(rows));
      canvases[side].setAttribute("aria-label", `${names[order[side]]}: ${sentence}`);
    });
  }

  /**
   * @param {Scene} scene
   * @param {string} where
   */
  function showSpectra({ header, names, order, numbers }, where) {
    const fine = order.map((chain) => `${names[chain]} ${times(numbers.left[chain])} the data's`).join(", ");
    spectrum.setAttribute("aria-label", `Radial power spectrum, ${where}. Power in fine detail: ${fine}`);
    const [powers, theory] = [numbers.power, numbers.theory].map((both) => (both.length ? order.map((chain) => both[chain]) : []));
    drawSpectrum({ ...header, powers, theory });
    root.classList.toggle("exact", numbers.theory.length > 0);
    root.classList.toggle("learned", header.network.length > 0);
  }

  const resized = new ResizeObserver(paintAll);
  for (const canvas of canvases) resized.observe(/** @type {HTMLElement} */ (canvas.parentElement));

  return {
    /**
     * @param {Scene} next
     * @param {string} where how far the run is, in words
     */
    show(next, where) {
      scene = next;
      paintAll();
      showReadings(scene);
      root.classList.toggle("midway", scene.header.kind === "done" && !isOver(scene.header, scene.numbers));
      showSpectra(scene, where);
    },
    /**
     * The names of the samplers beside the figures.
     * @param {Header} header
     * @param {number[]} order
     */
    nameSides(header, order) {
      const [left, right] = order.map((chain) => header.labels[chain]);
      find(root, ".pds-key .vanilla").textContent = left;
      find(root, ".pds-key .ours").textContent = right;
      find(root, ".pds-scale").hidden = !header.own;
      find(root, ".pds-scale i").textContent = find(root, ".pds-track .like").textContent = header.own;
    },
    trace: drawTrace,
  };
}
