// The numbers below the pictures of a side.

import { duration, factor, noise, relative, share } from "../../static/format.js";
import { isOver } from "./moments.js";

/**
 * @typedef {import("./moments.js").Header} Header
 * @typedef {import("./moments.js").Step} Step
 * @typedef {(string | number)[]} Row name, value, note, title and class; the last ones may lack
 */

/**
 * How the pictures of a sampler look, in two numbers.
 * @param {Header} header
 * @param {Step} step
 * @param {number} chain
 * @returns {string[][]}
 */
function looks({ own, request }, { grain, contrast }, chain) {
  const pixels = `Standard deviation of the noise in flat places: ${share(grain.pixels[chain])} of the range from black to white`;
  if (!own) return [["Grain", share(grain.pixels[chain]), "", pixels]];
  const [grains, contrasts] = [grain, contrast].map(({ network, data }) => [network, data].map((of) => relative(of[chain])));
  const single = request.num_images === 1;
  return [
    ["Grain", grains[0], `data: ${grains[1]}`,
      `Noise in flat places: ${grains[0]} that of ${own}, ${grains[1]} that of the data. ${pixels}`],
    ["Contrast", single ? "–" : contrasts[0], single ? "needs two images" : `data: ${contrasts[1]}`,
      single ? "" : `Variance of the coarse shapes: ${contrasts[0]} that of ${own}, ${contrasts[1]} that of the data`],
  ];
}

/**
 * A sentence in three parts, its title and its class; none where the noise cannot be measured.
 * @param {number | null} ratio
 * @returns {string[][]}
 */
function noiseGiven(ratio) {
  if (ratio === null) return [];
  const title = "Noise in flat places of the network's next input, relative to the sigma of that call. The network trusts sigma: it takes the excess for texture, and the excess stays as grain";
  return [["noise is now ", `${factor(ratio)} times `, "the network's next sigma", title, "noise-ratio"]];
}

/**
 * All rows of a sampler at a step, and the sentence that stands for them.
 * @param {Header} header
 * @param {Step} step
 * @param {number} chain
 * @returns {{ rows: Row[], sentence: string }}
 */
export function readings(header, step, chain) {
  const looked = looks(header, step, chain);
  const given = noiseGiven(step.noise_ratio[chain]);
  const [iteration, length] = [step.iterations[chain], header.lengths[chain]];
  const waits = iteration === length && !isOver(header, step);
  const rows = [
    ...looked.map((row) => [...row, "look"]),
    ["iteration", iteration, waits ? "done" : "", `Of ${length}`],
    ["sigma", noise(step.sigma[chain]), "", "Standard deviation of the noise at which the network was called"],
    ["calls", step.calls[chain], "", "Network evaluations per image so far (nfe)"],
    ["per step", duration(step.seconds), "", "Time of an iteration of both samplers, which advance in one batch"],
    ...given,
  ];
  const { num_images: count } = header.request;
  const images = `${count} image${count === 1 ? "" : "s"}`;
  const seen = looked.map(([name, value]) => `${name.toLowerCase()} ${value}`);
  const numbers = [...seen, ...given.map((row) => row.slice(0, 3).join(""))].join(", ");
  return { rows, sentence: `${images} after iteration ${iteration} of ${length}, ${numbers}` };
}

/**
 * The rows as groups of a <dl>.
 * @param {Row[]} rows
 */
export function groups(rows) {
  return rows.map(([name, value, note, title, className = ""]) => {
    const group = Object.assign(document.createElement("div"), { title, className });
    const [term, detail] = ["dt", "dd"].map((tag) => document.createElement(tag));
    term.textContent = String(name);
    detail.textContent = String(value);
    if (note) detail.append(Object.assign(document.createElement("small"), { textContent: note }));
    group.append(term, detail);
    return group;
  });
}
