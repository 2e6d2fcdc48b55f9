// The substeps of an iteration on the page: equations, images and their spectra.

import { capital, power } from "../../static/format.js";
import { digits, equations, meaning, scaled, sign, working } from "./arithmetic.js";
import { line, svg } from "./chart.js";

function make(tag, className, html = "") {
  return Object.assign(document.createElement(tag), { className, innerHTML: html });
}

// The spectra of one image on both sides.
function miniature(radii, curves) {
  const all = curves.flatMap(({ power }) => power).filter((p) => p > 0);
  const [width, height, edge] = [132, 64, 30];
  const chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  if (!all.length) return chart;
  const low = Math.floor(Math.log10(Math.min(...all)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...all))));
  const span = Math.log(radii.at(-1) / radii[0]);
  const x = (r) => edge + (Math.log(r / radii[0]) / span) * (width - edge - 1);
  const y = (p) => 5 + ((high - Math.log10(p)) / (high - low)) * (height - 10);
  for (const decade of [low, high]) {
    chart.append(
      svg("line", { class: "grid", x1: edge, x2: width, y1: y(10 ** decade), y2: y(10 ** decade) }),
      svg("text", { x: edge - 4, y: y(10 ** decade) + 4, "text-anchor": "end" }, power(decade))
    );
  }
  for (const { side, power } of curves) {
    const points = power.map((p, i) => [x(radii[i]), p]).filter(([, p]) => p > 0);
    chart.append(svg("path", { class: side, d: line(points.map(([at, p]) => [at, y(p)])) }));
  }
  return chart;
}

function shot(side, label, name, title, image, term, pictures) {
  const box = make("div", `pds-shot ${side}`);
  const size = [`|·| ${digits(image.norm)}`, `rms ${digits(image.rms)}`];
  if (term) size.push(`added: rms ${digits(term.factor === null || image.rms === null ? null : Math.abs(term.factor) * image.rms)}`);
  const picture = Object.assign(new Image(), {
    src: "data:image/png;base64," + pictures[image.picture],
    alt: `${label}: ${meaning(title, name)}, ${size.join(", ")}`,
  });
  box.append(picture, make("p", "", [scaled(image.scale), ...size].map((words) => `<span>${words}</span>`).join("")));
  return box;
}

// One image of a substep, of every side that has this substep.
function term(name, sides, { radii, pictures, labels }) {
  const { title } = sides[0].substep;
  const figure = make("figure", "pds-term");
  figure.dataset.term = name;
  const caption = make("figcaption", "", `<button type="button" data-term="${name}">${sign(name)}</button> <span>${meaning(title, name)}</span>`);
  figure.append(caption);
  for (const { side, chain, substep } of sides) {
    const added = substep.terms.find(({ image }) => image === name);
    figure.append(shot(side, labels[chain], name, title, substep.images[name], added, pictures));
  }
  figure.append(miniature(radii, sides.map(({ side, substep }) => ({ side, power: substep.images[name].power }))));
  return figure;
}

export function block(sides, message) {
  const { substep } = sides[0];
  const section = make("section", "pds-substep");
  const whose = sides.length < 2 ? `, ${message.labels[sides[0].chain]}` : "";
  const heading = make("h2", "");
  heading.textContent = substep.title + whose;
  const formulas = make("div", "pds-formulas");
  formulas.innerHTML = equations(substep);
  const numbers = sides.map(({ side, chain, substep: own }) => {
    const told = make("p", `pds-working ${side}`, `<b></b> ${working(own)}`);
    told.firstChild.textContent = capital(message.labels[chain]);
    return told;
  });
  const terms = make("div", "pds-terms");
  terms.append(...Object.keys(substep.images).map((name) => term(name, sides, message)));
  section.append(heading, formulas, terms, ...numbers);
  return section;
}
