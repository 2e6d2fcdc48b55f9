// Both samplers: the headings of the panels are menus, each with a strength and an N of its own.

import { find, findAll } from "../../static/dom.js";
import { numberIn } from "../../static/slider.js";
import { DESCRIBED, callsOf, countFor, inWords, iterations, kindOf, namesOf, parsed, spelled, withCount } from "./names.js";

/**
 * @import { FormRequest, Setup } from "./controls.js"
 * @import { Filters, Kind } from "./names.js"
 * @typedef {ReturnType<typeof makeSide>} Side
 */

/** @type {Record<string, string>} */
const HINTS = {
  vanilla: "The ordinary sampler: no filter",
  pds: "The sampler of the paper: vanilla with a filter, the inverse of the data's own spectrum, flattened by alpha",
  "pds+space": "PDS with the frequency filter and the space filter",
  space: "PDS with the space filter alone",
  scalar: "Vanilla with one gain for every frequency, which is only a longer step; without a number it is the best one for Gaussian images of the model's spectrum",
  tuned: "Vanilla without a filter, but with the noise levels and the corrector's snr that are best at this number of iterations for Gaussian images of the model's spectrum",
  response: "The noise levels, the corrector's snr and a gain for each octave of frequency that are best for this network at this number of iterations, by its response to noise",
  preserving: "PDS with a predictor that keeps the distribution of every noise level, whatever the filter",
  corrector: "PDS with the filter in the corrector alone",
  predictor: "PDS with the filter in the predictor alone",
  "ode-heun": "Heun's method on the probability flow, without noise; N iterations take one network call less than those of vanilla",
  "ode-euler": "Euler's method on the probability flow, without noise; N iterations are 2 N steps, as many network calls as those of vanilla",
};

// The samplers that are tuned to N.
const TUNED = new Set(["tuned", "response"]);

const UNMEASURED = "Needs a measured response to noise, which a model of your images does not have";

/**
 * @param {HTMLElement} figure the panel of a side
 * @param {Map<string, Kind>} kinds
 */
function makeSide(figure, kinds) {
  const [menu, link] = [".pds-kind", ".pds-link"].map((selector) => find(figure, selector, HTMLSelectElement));
  const count = find(figure, ".pds-count", HTMLInputElement);
  const note = find(figure, ".pds-shown");
  const labels = findAll(figure, "[data-strength]");
  const boxes = new Map(labels.map((label) => [label.dataset.strength, find(label, "input", HTMLInputElement)]));
  const box = () => boxes.get(kinds.get(menu.value)?.strength);
  for (const { name, title } of kinds.values()) menu.append(new Option(title, name));

  // The N of the name: "" where it is that of the settings; `equal` is the N at equal cost.
  function countOf(/** @type {number | string} */ equal) {
    if (link.value === "linked") return "";
    return link.value === "own" ? numberIn(count) || 0 : equal;
  }

  return {
    menu, link,
    alpha: /** @type {HTMLInputElement} */ (boxes.get("alpha")),
    name(/** @type {number | string} */ equal = "") {
      if (!kinds.has(menu.value)) return menu.value;
      const strength = box();
      return spelled({ kind: menu.value, strength: strength ? numberIn(strength) : "", count: countOf(equal) });
    },
    /**
     * @param {string} linked the N of the settings
     * @param {string} equal the N at equal cost
     * @param {boolean} measured whether the model's response is known
     */
    show(linked, equal, measured) {
      const known = kinds.has(menu.value);
      offer(menu, measured);
      menu.title = menu.selectedOptions[0]?.title || (HINTS[menu.value] ?? "A sampler by its name, see the notes below");
      for (const label of labels) label.hidden = boxes.get(label.dataset.strength) !== box();
      link.hidden = !known;
      count.hidden = !known || link.value !== "own";
      link.options[0].textContent = `N = ${linked}`;
      link.options[2].textContent = link.value === "equal" ? `equal cost, N = ${equal}` : "equal cost";
      if (link.value !== "own") count.value = link.value === "equal" ? equal : linked;
    },
    // Names the sampler that the panel shows where that is another one than the heading's.
    mark(/** @type {string} */ sampler) {
      note.hidden = !sampler;
      note.textContent = note.title = sampler && `shown: ${sampler}`;
    },
    write(/** @type {string} */ name) {
      const parts = parsed(name, kinds);
      menu.querySelector(".other")?.remove();
      if (!parts) menu.append(Object.assign(new Option(name, name), { className: "other" }));
      menu.value = parts?.kind ?? name;
      const strength = box();
      if (strength) strength.value = String(parts?.strength);
      link.value = parts?.count ? "own" : "linked";
      count.value = String(parts?.count ?? "");
    },
  };
}

/**
 * Offers the sampler that is tuned to the network only if the network's response is known.
 * @param {HTMLSelectElement} menu
 * @param {boolean} measured
 */
export function offer(menu, measured) {
  const option = find(menu, "[value=response]", HTMLOptionElement);
  option.disabled = !measured;
  option.title = measured ? "" : UNMEASURED;
}

/**
 * The number of iterations of each side at equal cost: with as many network calls as the other one has.
 * @param {Side[]} sides
 * @param {number} n of the settings
 * @param {number} each network calls of an iteration
 */
function equalCounts(sides, n, each) {
  return sides.map(({ menu }, i) => {
    const other = sides[1 - i];
    if (other.link.value === "equal") return n;
    return countFor(menu.value, callsOf(other.name(), n, each), each);
  });
}

/**
 * The fields of the settings that describe the sampler on the right: its filters and their alpha.
 * @param {HTMLFormElement} form
 * @param {Map<string, Kind>} kinds
 */
function makePublished(form, kinds) {
  const [published, switches] = [".pds-published", ".pds-switches"].map((s) => find(form, s, HTMLFieldSetElement));
  const [frequency, space] = ["frequency", "space"].map((name) => find(form, `[name=${name}]`, HTMLInputElement));
  const fitted = find(form, ".pds-fitted");
  return {
    switches,
    filters: () => ({ frequency: frequency.checked, space: space.checked }),
    setFilters(/** @type {Filters | undefined} */ filters) {
      if (filters) [frequency.checked, space.checked] = [filters.frequency, filters.space];
    },
    /**
     * @param {string} kind of sampler on the right
     * @param {number} count its iterations
     * @param {boolean} measured whether the model's response is known
     */
    show(kind, count, measured) {
      fitted.hidden = !TUNED.has(kind) || (kind === "response" && !measured);
      for (const part of findAll(fitted, "span")) part.hidden = part.dataset.kind !== kind;
      for (const output of findAll(fitted, "output")) output.textContent = `${count} iteration${count === 1 ? "" : "s"}`;
      published.hidden = published.disabled = !DESCRIBED.has(kind) && kinds.get(kind)?.strength !== "alpha";
      switches.hidden = switches.disabled = !DESCRIBED.has(kind);
    },
  };
}

/**
 * @param {HTMLElement} root
 * @param {HTMLFormElement} form
 * @param {Setup} setup
 * @param {(alpha: number | string) => void} setAlpha writes the alpha of the settings, which is that of the right side
 */
export function makeSides(root, form, setup, setAlpha) {
  const kinds = new Map(setup.samplers.map((kind) => [kind.name, kind]));
  const sides = ["vanilla", "ours"].map((name) => makeSide(find(root, `.pds-panel.${name}`), kinds));
  const [, right] = sides;
  const { switches, ...published } = makePublished(form, kinds);
  const [numSteps, alpha] = ["num_steps", "alpha"].map((name) => find(form, `[name=${name}]`, HTMLInputElement));
  const [model, correctorSteps] = ["model", "corrector_steps"].map((name) => find(form, `[name=${name}]`, HTMLSelectElement));
  const { frequency, space, tuned, alpha: plainAlpha } = setup.defaults;
  const plain = { frequency, space, tuned, alpha: plainAlpha };
  const perIteration = () => 1 + Number(correctorSteps.value || 1);
  const n = () => /** @type {number} */ (numberIn(numSteps)); // a text makes the counts below NaN

  function names() {
    const equal = equalCounts(sides, n(), perIteration());
    return sides.map((side, i) => side.name(equal[i]));
  }

  // Where the fields of a request describe the sampler on the right, it has no name there.
  function isDescribed() {
    return right.link.value === "linked" && (DESCRIBED.has(right.menu.value) || right.menu.value === "tuned");
  }

  function show() {
    const equal = equalCounts(sides, n(), perIteration());
    const measured = setup.models.some(({ name }) => name === model.value);
    sides.forEach((side, i) => side.show(numSteps.value, String(equal[i]), measured));
    published.show(right.menu.value, iterations(names()[1], Number(numSteps.value)), measured);
  }

  sides.forEach((side, i) => {
    side.link.addEventListener("change", () => {
      const other = sides[1 - i];
      if (side.link.value === "equal" && other.link.value === "equal") other.link.value = "linked";
    });
  });
  right.menu.addEventListener("change", () => published.setFilters(DESCRIBED.get(right.menu.value)));
  switches.addEventListener("input", () => {
    right.menu.value = kindOf(published.filters());
  });
  right.alpha.addEventListener("input", () => setAlpha(right.alpha.value));
  for (const box of ["#pds-alpha", "#pds-alpha-slide"]) {
    find(form, box).addEventListener("input", () => (right.alpha.value = alpha.value));
  }

  return {
    show,
    read() {
      const [left, name] = names();
      if (!isDescribed()) return { ...plain, left, right: name };
      return { ...published.filters(), alpha: numberIn(alpha), tuned: right.menu.value === "tuned", left, right: "" };
    },
    write(/** @type {FormRequest} */ request) {
      const written = namesOf(request);
      const kind = parsed(written[1], kinds)?.kind ?? "";
      if (!request.right) setAlpha(request.alpha);
      published.setFilters(request.right ? DESCRIBED.get(kind) : request);
      const before = names();
      sides.forEach((side, i) => before[i] === written[i] || side.write(written[i]));
      if (request.right && kinds.get(kind)?.strength === "alpha") setAlpha(right.alpha.value);
      right.alpha.value = alpha.value;
      show();
    },
    // What the panels show of a run, where that differs from the headings.
    mark(/** @type {string[] | null} */ drawn) {
      const next = names().map((name) => withCount(name, n()));
      sides.forEach((side, i) => side.mark(drawn && drawn[i] !== next[i] ? inWords(drawn[i], kinds) : ""));
    },
    calls: () => names().map((name) => callsOf(name, n(), perIteration())),
    // For the tab "Filter": what it shows of the right side, its strength and its N.
    filter: () => ({
      alpha: numberIn(alpha),
      way: TUNED.has(right.menu.value) ? right.menu.value : "pds",
      num_steps: iterations(names()[1], n()),
    }),
  };
}
