// The substeps of an iteration on the page: equations, images and their spectra.

import { capital, power } from "../../static/format.js";
import { digits, equations, meaning, scaled, sign, working } from "./arithmetic.js";
import { line, svg } from "./chart.js";

/** @import { Image as ImageNumbers, Side } from "./arithmetic.js" */

/**
 * The arithmetic of one iteration.
 * @typedef {object} Arithmetic
 * @property {Side["substep"][][]} sides substeps of both samplers
 * @property {string[]} labels of both samplers
 * @property {number[]} iterations of both samplers
 * @property {number[]} radii of the spectra
 * @property {string[]} pictures PNG files in base64
 * @property {number} seed
 * @property {number} cropped side of the part that is shown of a large picture, 0 for all of it
 */

/**
 * @param {string} tag
 * @param {string} className
 * @param {string} [html]
 */
function make(tag, className, html = "") {
  return Object.assign(document.createElement(tag), { className, innerHTML: html });
}

/**
 * The spectra of one image on both sides.
 * @param {number[]} radii
 * @param {{ side: string, power: number[] }[]} curves
 */
function miniature(radii, curves) {
  const all = curves.flatMap(({ power }) => power).filter((p) => p > 0);
  const [width, height, edge] = [132, 64, 30];
  const chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  if (!all.length) return chart;
  const low = Math.floor(Math.log10(Math.min(...all)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...all))));
  const span = Math.log(radii[radii.length - 1] / radii[0]);
  const x = (/** @type {number} */ r) => edge + (Math.log(r / radii[0]) / span) * (width - edge - 1);
  const y = (/** @type {number} */ p) => 5 + ((high - Math.log10(p)) / (high - low)) * (height - 10);
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

/**
 * The lengths of an image, and of what its term adds, as texts.
 * @param {ImageNumbers} image
 * @param {Side["substep"]["terms"][number]} [term] that the image is part of
 */
function lengths({ norm, rms }, term) {
  const texts = [`|·| ${digits(norm)}`, `rms ${digits(rms)}`];
  if (!term) return texts;
  const added = term.factor === null || rms === null ? null : Math.abs(term.factor) * rms;
  return [...texts, `added: rms ${digits(added)}`];
}

/**
 * A picture with its lengths.
 * @param {string} png in base64
 * @param {string} alt
 * @param {string[]} texts
 * @param {string} side
 */
function captioned(png, alt, texts, side) {
  const box = make("div", `pds-shot ${side}`);
  const picture = Object.assign(new Image(), { src: "data:image/png;base64," + png, alt });
  box.append(picture, make("p", "", texts.map((text) => `<span>${text}</span>`).join("")));
  return box;
}

/**
 * One image of a substep, of every side that has this substep.
 * @param {string} name
 * @param {Side[]} sides
 * @param {Arithmetic} message
 */
function imageFigure(name, sides, { radii, pictures, labels }) {
  const { title } = sides[0].substep;
  const figure = make("figure", "pds-term");
  figure.dataset.term = name;
  const caption = make("figcaption", "", `<button type="button" data-term="${name}">${sign(name)}</button> <span>${meaning(title, name)}</span>`);
  figure.append(caption);
  for (const { side, chain, substep } of sides) {
    const image = substep.images[name];
    const texts = lengths(image, substep.terms.find((term) => term.image === name));
    const alt = `${labels[chain]}: ${meaning(title, name)}, ${texts.join(", ")}`;
    figure.append(captioned(pictures[image.picture], alt, [scaled(image.scale), ...texts], side));
  }
  figure.append(miniature(radii, sides.map(({ side, substep }) => ({ side, power: substep.images[name].power }))));
  return figure;
}

/**
 * A substep with its equations, images and numbers.
 * @param {Side[]} sides that have it
 * @param {Arithmetic} message
 */
export function substepSection(sides, message) {
  const { substep } = sides[0];
  const section = make("section", "pds-substep");
  const whose = sides.length < 2 ? `, ${message.labels[sides[0].chain]}` : "";
  const heading = make("h2", "");
  heading.textContent = substep.title + whose;
  const formulas = make("div", "pds-formulas");
  formulas.innerHTML = equations(substep);
  const numbers = sides.map(({ side, chain, substep: own }) => {
    const paragraph = make("p", `pds-working ${side}`, `<b></b> ${working(own)}`);
    paragraph.children[0].textContent = capital(message.labels[chain]);
    return paragraph;
  });
  const terms = make("div", "pds-terms");
  terms.append(...Object.keys(substep.images).map((name) => imageFigure(name, sides, message)));
  section.append(heading, formulas, terms, ...numbers);
  return section;
}
