// One moment of a run on screen: pictures and numbers of both sides, and their spectra.

import { times } from "../../static/format.js";
import { makeSpectrum, makeTrace } from "./chart.js";
import { makeLoupe } from "./loupe.js";
import { isOver } from "./moments.js";
import { paint } from "./pictures.js";
import { groups, readings } from "./readings.js";

// A scene is { header, names, order, numbers, sheet, row }: the head of the run, the names of its
// samplers, the sampler that each panel shows, and a step with its row in a sheet of pictures.
export function makeScreen(root) {
  const find = (selector) => root.querySelector(selector);
  const panels = ["vanilla", "ours"].map((name) => find(`.pds-panel.${name}`));
  const canvases = panels.map((panel) => panel.querySelector("canvas"));
  const spectrum = find(".pds-spectrum svg");
  const [drawSpectrum, drawTrace] = [makeSpectrum(spectrum), makeTrace(find(".pds-trace"))];
  let scene = null;
  const magnify = makeLoupe(root, canvases, () => scene);

  function paintAll() {
    if (!scene) return;
    const { header, order, sheet, row } = scene;
    canvases.forEach((canvas, side) => paint(canvas, sheet, row, order[side] * header.request.num_images, header));
    magnify();
  }

  function showReadings({ header, names, order, numbers }) {
    panels.forEach((panel, side) => {
      const { rows, sentence } = readings(header, numbers, order[side]);
      panel.querySelector("dl").replaceChildren(...groups(rows));
      canvases[side].setAttribute("aria-label", `${names[order[side]]}: ${sentence}`);
    });
  }

  function showSpectra({ header, names, order, numbers }, where) {
    const fine = order.map((chain) => `${names[chain]} ${times(numbers.left[chain])} the data's`).join(", ");
    spectrum.setAttribute("aria-label", `Radial power spectrum, ${where}. Power in fine detail: ${fine}`);
    const [powers, theory] = [numbers.power, numbers.theory].map((both) => both.length && order.map((chain) => both[chain]));
    drawSpectrum(header.radii, header.data, header.network, powers, theory || []);
    root.classList.toggle("exact", numbers.theory.length > 0);
    root.classList.toggle("learned", header.network.length > 0);
  }

  const resized = new ResizeObserver(paintAll);
  for (const canvas of canvases) resized.observe(canvas.parentElement);

  return {
    // `where` says in words how far the run is.
    show(next, where) {
      scene = next;
      paintAll();
      showReadings(scene);
      root.classList.toggle("midway", scene.header.kind === "done" && !isOver(scene.header, scene.numbers));
      showSpectra(scene, where);
    },
    // The names of a run, and its grain over all steps.
    nameSides({ header, order }) {
      const [left, right] = order.map((chain) => header.labels[chain]);
      find(".pds-key .vanilla").textContent = left;
      find(".pds-key .ours").textContent = right;
      find(".pds-scale").hidden = !header.own;
      find(".pds-scale i").textContent = find(".pds-track .like").textContent = header.own;
    },
    trace: ({ header, order }, steps) => drawTrace(steps, header, order),
  };
}
