// The radial spectrum and the trace of the grain, as SVG.

import { power } from "../../static/format.js";
import { span } from "./moments.js";

const MARGIN = { left: 30, right: 2, top: 8, bottom: 20 };

/**
 * @typedef {{ left: number, right: number, top: number, bottom: number }} Box
 * @typedef {{ low: number, high: number, x(r: number): number, y(p: number): number }} Axes the decades
 *   of power, and the places of a radius and a power
 */

/**
 * An element of SVG.
 * @param {string} name
 * @param {Record<string, string | number>} [attributes]
 * @param {string} [text]
 */
export function svg(name, attributes = {}, text = "") {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) node.setAttribute(key, String(attributes[key]));
  if (text) node.textContent = text;
  return node;
}

/**
 * The path through points.
 * @param {number[][]} points
 */
export function line(points) {
  return points.map(([x, y], i) => (i ? "L" : "M") + x.toFixed(1) + " " + y.toFixed(1)).join("");
}

/**
 * The axes of spectra over these radii, both logarithmic.
 * @param {Box} plot
 * @param {number[]} radii
 * @param {number[]} data its spectrum, from a third of whose lowest power the axis begins
 * @param {number[][]} powers
 * @returns {Axes}
 */
function axesOf(plot, radii, data, powers) {
  const all = [...data, ...powers.flat()].filter((p) => p > 0);
  const low = Math.floor(Math.log10(Math.min(...data.filter((p) => p > 0)) / 3));
  const high = Math.max(low + 3, Math.ceil(Math.log10(Math.max(...all))));
  const first = Math.log10(radii[0]);
  const span = Math.log10(radii[radii.length - 1]) - first;
  return {
    low,
    high,
    x: (r) => plot.left + ((Math.log10(r) - first) / span) * (plot.right - plot.left),
    y: (p) => {
      const share = (Math.log10(Math.max(p, 1e-300)) - low) / (high - low);
      return plot.bottom - Math.min(1.02, Math.max(-0.02, share)) * (plot.bottom - plot.top);
    },
  };
}

/**
 * Grid lines with their powers, the names of both ends, and a ground for fine detail.
 * @param {Box} plot
 * @param {Axes} axes
 */
function drawAxes({ left, right, top, bottom }, { low, high, x, y }) {
  const half = x(0.25);
  const nodes = [svg("rect", { class: "fine", x: half, y: top, width: right - half, height: bottom - top })];
  const every = Math.ceil((high - low) / 4);
  for (let decade = low; decade <= high; decade += every) {
    const at = y(10 ** decade);
    nodes.push(svg("line", { class: "grid", x1: left, x2: right, y1: at, y2: at }));
    nodes.push(svg("text", { x: left - 5, y: at + 4, "text-anchor": "end" }, power(decade)));
  }
  nodes.push(svg("text", { x: left, y: bottom + 15 }, "coarse"));
  nodes.push(svg("text", { x: right, y: bottom + 15, "text-anchor": "end" }, "fine detail"));
  return nodes;
}

/**
 * Spectra in a plot that fills the room that the page leaves for it, at any size.
 * @param {SVGElement} root
 */
export function makeSpectrum(root) {
  const ground = svg("g");
  const names = ["data", "network", "vanilla", "ours", "vanilla exact", "ours exact"];
  const curves = names.map((name) => svg("path", { class: name }));
  root.append(ground, ...curves);
  /** @type {{ radii: number[], data: number[], network: number[], powers: number[][], theory: number[][] } | null} */
  let shown = null;

  function draw() {
    if (!shown || !root.clientWidth || !root.clientHeight) return;
    const { radii, data, network, powers, theory } = shown;
    const { width, height } = root.getBoundingClientRect();
    root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const plot = { left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: height - MARGIN.bottom };
    const axes = axesOf(plot, radii, data, powers);
    ground.replaceChildren(...drawAxes(plot, axes));
    const spectra = [data, network, ...powers, ...theory];
    curves.forEach((curve, i) => {
      const points = (spectra[i] ?? []).map((p, j) => [axes.x(radii[j]), axes.y(p ?? 10 ** axes.high)]);
      curve.setAttribute("d", line(points));
    });
  }

  new ResizeObserver(draw).observe(root);
  return (/** @type {NonNullable<typeof shown>} */ spectra) => {
    shown = spectra;
    draw();
  };
}

/**
 * The grain of both samplers over a run, from a third of the network's own to 100 times it.
 * @param {SVGElement} root
 */
export function makeTrace(root) {
  const height = (/** @type {number | null} */ grain) => 80 - 40 * Math.min(2, Math.max(-0.5, Math.log10(grain ?? 1e9)));
  const level = svg("line", { x1: 0, x2: 1000, y1: height(1), y2: height(1) });
  const curves = ["vanilla", "ours"].map((name) => svg("path", { class: name }));
  root.append(level, ...curves);
  /**
   * @param {import("./moments.js").Step[]} steps
   * @param {import("./moments.js").Header} header
   * @param {number[]} order the sampler that each curve shows
   */
  return (steps, header, order) => {
    const [first, last] = span(header);
    const x = (/** @type {import("./moments.js").Step} */ step) => (1000 * (step.nfe - first)) / Math.max(1, last - first);
    curves.forEach((curve, side) =>
      curve.setAttribute("d", line(steps.map((s) => [x(s), height(s.grain.network[order[side]])])))
    );
  };
}
