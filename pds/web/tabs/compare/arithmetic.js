// The arithmetic of an iteration as texts: signs, equations and numbers.

import { power, short } from "../../static/format.js";

/**
 * @typedef {object} Image
 * @property {number | null} norm
 * @property {number | null} rms
 * @property {number} scale by which its picture is shown
 * @property {number} picture
 * @property {number[]} power its radial spectrum
 *
 * @typedef {object} Substep
 * @property {string} name
 * @property {string} title
 * @property {string} equation
 * @property {{ symbol: string, image: string, factor: number | null }[]} terms
 * @property {Record<string, number>} numbers
 * @property {Record<string, Image>} images
 * @property {number | null} error of the sum of the terms, relative to its length
 *
 * @typedef {{ side: string, chain: number, substep: Substep }} Side a substep of one side
 */

/** @type {Record<string, string>} */
const SIGNS = {
  "D x": "(MM′ + S) x",
  "D s": "(MM′ + S) s",
  x_mean: "x<sub>mean</sub>",
  x_new: "x<sub>new</sub>",
  x_euler: "x<sub>Euler</sub>",
  s_euler: "s<sub>Euler</sub>",
  d_euler: "d<sub>Euler</sub>",
};
/** @type {Record<string, string>} */
const FACTORS = {
  "sqrt(2 e)": "√(2e)",
  "G^2": "G²",
  "G^2 / 2": "½ G²",
  "-f": "−f",
  "sigma_new - sigma": "(σ<sub>new</sub> − σ)",
  "(sigma_new - sigma) / 2": "½ (σ<sub>new</sub> − σ)",
};
/** @type {Record<string, string>} */
const MEANINGS = {
  x: "state",
  s: "score",
  "D x": "preconditioned state",
  "D s": "preconditioned score",
  "M z": "noise",
  d: "slope, −σ s",
  x_euler: "Euler’s result",
  s_euler: "score there",
  d_euler: "slope there",
};
/** @type {Record<string, Record<string, string>>} */
const RESULTS = {
  Corrector: { x_mean: "without the noise", x_new: "corrected x" },
  Predictor: { x_mean: "predicted mean", x_new: "next x" },
};

/**
 * A number with five digits, so that a reader can check the arithmetic.
 * @param {number | null} value
 */
export function digits(value) {
  if (value === null) return "out of range";
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-3 && size < 1e5)) return Number(value.toPrecision(5)).toLocaleString("en-US", { maximumSignificantDigits: 5 }).replace("-", "−");
  const exponent = Math.floor(Math.log10(size));
  return `${(value / 10 ** exponent).toFixed(3)} · ${power(exponent)}`.replace("-", "−");
}

/** @param {number} scale of an image */
export function scaled(scale) {
  if (scale === 1) return "shown as it is";
  return scale < 0.3 ? `shown at 1/${short(1 / scale)}` : `shown at ${short(scale)}×`;
}

/** @param {string} name of an image */
export function sign(name) {
  return SIGNS[name] ?? name;
}

/**
 * What an image is in its substep.
 * @param {string} title of the substep
 * @param {string} name of the image
 */
export function meaning(title, name) {
  const [kind] = title.split(" ");
  return MEANINGS[name] ?? RESULTS[kind]?.[name] ?? "result";
}

/**
 * A line such as x_mean = x + e (MM′ + S) s as HTML, whose images are buttons.
 * @param {string} left
 * @param {string} first
 * @param {Substep["terms"]} terms
 */
function equation(left, first, terms) {
  const button = (/** @type {string} */ name) => `<button type="button" data-term="${name}">${sign(name)}</button>`;
  const added = terms.map(({ symbol, image }) => ` + <i>${FACTORS[symbol] ?? symbol}</i> ${button(image)}`);
  return `<p>${button(left)} = ${button(first)}${added.join("")}</p>`;
}

/**
 * The equations of a substep as HTML.
 * @param {Pick<Substep, "terms" | "images">} substep
 */
export function equations({ terms, images }) {
  if (!images.x_mean) return equation("x_new", "x", terms);
  const noise = terms.filter(({ image }) => image === "M z");
  const others = terms.filter((term) => !noise.includes(term));
  return equation("x_mean", "x", others) + equation("x_new", "x_mean", noise);
}

/**
 * The substeps of both sides, like ones together, in the order in which they end an iteration.
 * @param {{ sides: Substep[][] }} message
 * @param {number[]} order the sampler that each side shows
 */
export function paired(message, order) {
  /** @type {Map<string, { rank: number, sides: Side[] }>} */
  const groups = new Map();
  order.forEach((chain, panel) => {
    const substeps = message.sides[chain];
    substeps.forEach((substep, i) => {
      const key = `${substep.title} ${substep.equation}`;
      const group = groups.get(key) ?? { rank: substeps.length - i, sides: [] };
      group.sides.push({ side: ["vanilla", "ours"][panel], chain, substep });
      groups.set(key, group);
    });
  });
  return [...groups.values()].sort((one, other) => other.rank - one.rank).map(({ sides }) => sides);
}

/**
 * Where the factors come from, in numbers: a sentence as HTML.
 * @param {Substep} substep
 */
export function working({ name, terms, numbers, images, error }) {
  const factor = Object.fromEntries(terms.map((term) => [term.symbol, digits(term.factor)]));
  const parts = [`σ = ${digits(numbers.sigma)}`];
  if (name === "Langevin") {
    const alpha = numbers.alpha === 1 ? "" : ` · ${digits(numbers.alpha)}`;
    parts.push(
      `snr = ${digits(numbers.snr)}`,
      `e = 2${alpha && " α"} (snr |M z| / |(MM′ + S) s|)² = 2${alpha} · (${digits(numbers.snr)} · ${digits(images["M z"].norm)} / ${digits(images["D s"].norm)})² = ${factor.e}`,
      `√(2e) = ${factor["sqrt(2 e)"]}`
    );
  } else if (numbers.G !== undefined) {
    parts.push(`G = ${digits(numbers.G)}`, `G² = ${digits(numbers.G ** 2)}`);
  } else if (numbers.sigma_new !== undefined) {
    parts.push(`σ<sub>new</sub> = ${digits(numbers.sigma_new)}`, `σ<sub>new</sub> − σ = ${digits(numbers.sigma_new - numbers.sigma)}`);
  }
  return `${parts.join(", ")}. ${checked(error)}`;
}

/**
 * Whether the terms add up to what the sampler computed.
 * @param {number | null} error
 */
function checked(error) {
  if (error === null) return "The sum is out of range.";
  if (error === 0) return "The terms add up to x<sub>new</sub> to the last bit.";
  return `The terms add up to x<sub>new</sub> within ${digits(error)} of its length.`;
}
