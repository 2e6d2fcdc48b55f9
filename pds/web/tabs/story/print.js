// The story on paper.

import { find, findAll } from "../../static/dom.js";
import { relayout } from "../../static/plots.js";

/** @import { Step } from "./step.js" */

const PATIENCE = 30_000; // ms for figures to be drawn

const SMOOTH = 256; // pixels of a printed octave

/**
 * Paper shows the few pixels of a coarse octave as squares, where a screen smooths them.
 * @param {HTMLElement} pane
 */
function smoothOctaves(pane) {
  for (const image of findAll(pane, ".pds-octaves img[src]", HTMLImageElement)) {
    if (!image.complete || image.naturalWidth >= SMOOTH) continue;
    const canvas = Object.assign(document.createElement("canvas"), { width: SMOOTH, height: SMOOTH });
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.imageSmoothingQuality = "high";
    context.drawImage(image, 0, 0, SMOOTH, SMOOTH);
    context.putImageData(context.getImageData(0, 0, SMOOTH, SMOOTH), 0, 0); // else the few pixels are printed
    image.before(canvas);
  }
}

/**
 * Figures have a size of their own, so they are drawn for the paper's width and then again for the
 * window's. The classes have the layout of the paper already on the screen, see print.css.
 * @param {HTMLElement} pane
 */
function fitFiguresToPaper(pane) {
  const figures = () => findAll(pane, ".js-plotly-plot");
  const isOnPaper = () => pane.classList.contains("pds-on-paper");
  const putOnPaper = (/** @type {boolean} */ on) => {
    document.documentElement.classList.toggle("pds-printing", on);
    pane.classList.toggle("pds-on-paper", on);
  };

  window.addEventListener("beforeprint", () => {
    if (!pane.offsetParent) return;
    if (isOnPaper()) return;
    putOnPaper(true);
    smoothOctaves(pane);
    for (const node of figures()) {
      const { clientWidth: width, clientHeight: height } = node;
      if (width) relayout(node, { width, height });
    }
  });
  window.addEventListener("afterprint", () => {
    if (!isOnPaper()) return;
    putOnPaper(false);
    for (const canvas of findAll(pane, ".pds-octaves canvas")) canvas.remove();
    for (const node of figures()) {
      relayout(node, { autosize: true, width: null, height: null });
    }
  });
}

/** Whether a step shows all that it can, or says why not. @param {HTMLElement} section */
function isDrawn(section) {
  if (!find(section, ".pds-error").hidden) return true;
  const isVisible = (/** @type {Element} */ node) => node.checkVisibility();
  const [captions, figures] = [".pds-caption[data-text]", "[data-plot]"].map((s) => findAll(section, s).filter(isVisible));
  const images = findAll(section, "img[data-image]", HTMLImageElement).filter(isVisible);
  return (
    "answered" in section.dataset &&
    captions.every((node) => node.textContent) &&
    figures.every((node) => node.childElementCount) &&
    images.every((node) => node.src && node.complete)
  );
}

/**
 * Opens every step, waits until all is drawn, and prints.
 * @param {HTMLElement} pane
 * @param {Map<string, Step>} steps
 */
export function makePrint(pane, steps) {
  const button = find(pane, ".pds-print");
  const label = button.textContent;
  fitFiguresToPaper(pane);

  async function drawn() {
    const deadline = performance.now() + PATIENCE;
    while (performance.now() < deadline) {
      if ([...steps.values()].every(({ section }) => isDrawn(section))) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  button.addEventListener("click", async () => {
    Object.assign(button, { disabled: true, textContent: "Drawing…" });
    for (const step of steps.values()) {
      step.load();
      step.pass();
    }
    for (const details of findAll(pane, "details", HTMLDetailsElement)) details.open = true;
    await drawn();
    Object.assign(button, { disabled: false, textContent: label });
    window.print();
  });
}
