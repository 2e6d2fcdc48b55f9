// The story on paper.

import { relayout } from "../../static/plots.js";

const PATIENCE = 30_000; // ms for figures to be drawn

const SMOOTH = 256; // pixels of a printed octave

// Paper shows the few pixels of a coarse octave as squares, where a screen smooths them.
function smoothOctaves(pane) {
  for (const image of pane.querySelectorAll(".pds-octaves img[src]")) {
    if (!image.complete || image.naturalWidth >= SMOOTH) continue;
    const canvas = Object.assign(document.createElement("canvas"), { width: SMOOTH, height: SMOOTH });
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(image, 0, 0, SMOOTH, SMOOTH);
    context.putImageData(context.getImageData(0, 0, SMOOTH, SMOOTH), 0, 0); // else the few pixels are printed
    image.before(canvas);
  }
}

// Figures have a size of their own, so they are drawn for the paper's width and then again for the
// window's. The classes have the layout of the paper already on the screen, see print.css.
function fitFiguresToPaper(pane) {
  const figures = () => [...pane.querySelectorAll(".js-plotly-plot")];
  const isOnPaper = () => pane.classList.contains("pds-on-paper");
  const putOnPaper = (on) => {
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
    for (const canvas of pane.querySelectorAll(".pds-octaves canvas")) canvas.remove();
    for (const node of figures()) {
      relayout(node, { autosize: true, width: null, height: null });
    }
  });
}

// Whether a step shows all that it can, or says why not.
function isDrawn(section) {
  if (!section.querySelector(".pds-error").hidden) return true;
  const visible = (selector) => [...section.querySelectorAll(selector)].filter((node) => node.checkVisibility());
  return (
    "answered" in section.dataset &&
    visible(".pds-caption[data-text]").every((node) => node.textContent) &&
    visible("[data-plot]").every((node) => node.childElementCount) &&
    visible("img[data-image]").every((node) => node.src && node.complete)
  );
}

// Opens every step, waits until all is drawn, and prints.
export function makePrint(pane, steps) {
  const button = pane.querySelector(".pds-print");
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
    for (const details of pane.querySelectorAll("details")) details.open = true;
    await drawn();
    Object.assign(button, { disabled: false, textContent: label });
    window.print();
  });
}
