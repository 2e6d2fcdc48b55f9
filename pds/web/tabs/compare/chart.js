// The radial spectrum and the trace of the grain, as SVG.

import { power } from "../../static/format.js";
import { span } from "./moments.js";

const MARGIN = { left: 30, right: 2, top: 8, bottom: 20 };

export function svg(name, attributes, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  if (text) node.textContent = text;
  return node;
}

export function line(points) {
  return points.map(([x, y], i) => (i ? "L" : "M") + x.toFixed(1) + " " + y.toFixed(1)).join("");
}

export function makeSpectrum(root) {
  const axes = svg("g");
  const names = ["data", "network", "vanilla", "ours", "vanilla exact", "ours exact"];
  const curves = names.map((name) => svg("path", { class: name }));
  root.append(axes, ...curves);

  let shown = null;

  // The plot fills the room that the page leaves for it, at any size.
  function box() {
    const { width, height } = root.getBoundingClientRect();
    root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    return { left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: height - MARGIN.bottom };
  }

  function scales(plot, radii, data, powers) {
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

  function drawAxes({ left, right, top, bottom }, scale) {
    const half = scale.x(0.25);
    const nodes = [svg("rect", { class: "fine", x: half, y: top, width: right - half, height: bottom - top })];
    const every = Math.ceil((scale.high - scale.low) / 4);
    for (let decade = scale.low; decade <= scale.high; decade += every) {
      const y = scale.y(10 ** decade);
      nodes.push(svg("line", { class: "grid", x1: left, x2: right, y1: y, y2: y }));
      nodes.push(svg("text", { x: left - 5, y: y + 4, "text-anchor": "end" }, power(decade)));
    }
    nodes.push(svg("text", { x: left, y: bottom + 15 }, "coarse"));
    nodes.push(svg("text", { x: right, y: bottom + 15, "text-anchor": "end" }, "fine detail"));
    axes.replaceChildren(...nodes);
  }

  function draw() {
    if (!shown || !root.clientWidth || !root.clientHeight) return;
    const [radii, data, network, powers, theory] = shown;
    const plot = box();
    const scale = scales(plot, radii, data, powers);
    drawAxes(plot, scale);
    const spectra = [data, network, ...powers, ...theory];
    curves.forEach((curve, i) => {
      const points = (spectra[i] ?? []).map((p, j) => [scale.x(radii[j]), scale.y(p ?? 10 ** scale.high)]);
      curve.setAttribute("d", line(points));
    });
  }

  new ResizeObserver(draw).observe(root);
  return (...spectra) => {
    shown = spectra;
    draw();
  };
}

export function makeTrace(root) {
  // Log scale from a third of the own grain to 100 times it.
  const height = (grain) => 80 - 40 * Math.min(2, Math.max(-0.5, Math.log10(grain ?? 1e9)));
  const level = svg("line", { x1: 0, x2: 1000, y1: height(1), y2: height(1) });
  const curves = ["vanilla", "ours"].map((name) => svg("path", { class: name }));
  root.append(level, ...curves);
  return (steps, header, order) => {
    const [first, last] = span(header);
    const x = (step) => (1000 * (step.nfe - first)) / Math.max(1, last - first);
    curves.forEach((curve, side) =>
      curve.setAttribute("d", line(steps.map((s) => [x(s), height(s.grain.network[order[side]])])))
    );
  };
}
