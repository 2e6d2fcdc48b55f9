// Both samplers: the headings of the panels are menus, each with a strength and an N of its own.

import { numberIn } from "../../static/slider.js";
import { DESCRIBED, callsOf, countFor, inWords, iterations, kindOf, namesOf, parsed, spelled, withCount } from "./names.js";

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

function makeSide(figure, kinds) {
  const find = (selector) => figure.querySelector(selector);
  const [menu, link, count, note] = [".pds-kind", ".pds-link", ".pds-count", ".pds-shown"].map(find);
  const boxes = new Map([...figure.querySelectorAll("[data-strength]")].map((label) => [label.dataset.strength, label]));
  const box = () => boxes.get(kinds.get(menu.value)?.strength)?.querySelector("input");
  for (const { name, title } of kinds.values()) menu.append(new Option(title, name));

  return {
    menu, link,
    alpha: boxes.get("alpha").querySelector("input"),
    // The name, with its N if that is another than `linked`; `equal` is the N at equal cost.
    name(equal) {
      if (!kinds.has(menu.value)) return menu.value;
      const counts = { linked: "", own: numberIn(count) || 0, equal };
      return spelled({ kind: menu.value, strength: box() ? numberIn(box()) : "", count: counts[link.value] });
    },
    show(linked, equal, measured) {
      const known = kinds.has(menu.value);
      offer(menu, measured);
      menu.title = menu.selectedOptions[0]?.title || (HINTS[menu.value] ?? "A sampler by its name, see the notes below");
      for (const label of boxes.values()) label.hidden = label.querySelector("input") !== box();
      link.hidden = !known;
      count.hidden = !known || link.value !== "own";
      link.options[0].textContent = `N = ${linked}`;
      link.options[2].textContent = link.value === "equal" ? `equal cost, N = ${equal}` : "equal cost";
      if (link.value !== "own") count.value = link.value === "equal" ? equal : linked;
    },
    // Says what the panel shows where that is another sampler than the heading's.
    mark(words) {
      note.hidden = !words;
      note.textContent = note.title = words && `shown: ${words}`;
    },
    write(name) {
      const parts = parsed(name, kinds);
      menu.querySelector(".other")?.remove();
      if (!parts) menu.append(Object.assign(new Option(name, name), { className: "other" }));
      menu.value = parts?.kind ?? name;
      if (box()) box().value = parts.strength;
      link.value = parts?.count ? "own" : "linked";
      count.value = parts?.count ?? "";
    },
  };
}

// Whether a menu offers the sampler that is tuned to the network: only if the response is known.
export function offer(menu, measured) {
  const option = menu.querySelector("[value=response]");
  option.disabled = !measured;
  option.title = measured ? "" : UNMEASURED;
}

// `setAlpha` writes the alpha of the settings, which is that of the right side.
export function makeSides(root, form, setup, setAlpha) {
  const { elements } = form;
  const kinds = new Map(setup.samplers.map((kind) => [kind.name, kind]));
  const figures = ["vanilla", "ours"].map((name) => root.querySelector(`.pds-panel.${name}`));
  const sides = figures.map((figure) => makeSide(figure, kinds));
  const [, right] = sides;
  const [published, switches, fitted] = [".pds-published", ".pds-switches", ".pds-fitted"].map((s) => form.querySelector(s));
  const plain = Object.fromEntries(setup.named.map((name) => [name, setup.defaults[name]]));
  const perIteration = () => 1 + Number(elements.corrector_steps.value || 1);

  // The N of each side at equal cost: with as many network calls as the other one has.
  function equalCounts() {
    const n = numberIn(elements.num_steps);
    return sides.map(({ menu }, i) => {
      const other = sides[1 - i];
      if (other.link.value === "equal") return n;
      return countFor(menu.value, callsOf(other.name(), n, perIteration()), perIteration());
    });
  }

  function names() {
    const equal = equalCounts();
    return sides.map((side, i) => side.name(equal[i]));
  }

  // Where the fields of a request describe the sampler on the right, it has no name there.
  function isDescribed() {
    return right.link.value === "linked" && (DESCRIBED.has(right.menu.value) || right.menu.value === "tuned");
  }

  function setFilters(filters) {
    for (const name in filters) elements[name].checked = filters[name];
  }

  function show() {
    const [n, equal] = [elements.num_steps.value, equalCounts()];
    const measured = setup.models.some(({ name }) => name === elements.model.value);
    sides.forEach((side, i) => side.show(n, equal[i], measured));
    const kind = right.menu.value;
    const count = iterations(names()[1], Number(n));
    fitted.hidden = !TUNED.has(kind) || (kind === "response" && !measured);
    for (const part of fitted.querySelectorAll("span")) part.hidden = part.dataset.kind !== kind;
    for (const output of fitted.querySelectorAll("output")) output.textContent = `${count} iteration${count === 1 ? "" : "s"}`;
    published.hidden = published.disabled = !DESCRIBED.has(kind) && kinds.get(kind)?.strength !== "alpha";
    switches.hidden = switches.disabled = !DESCRIBED.has(kind);
  }

  sides.forEach((side, i) => {
    side.link.addEventListener("change", () => {
      const other = sides[1 - i];
      if (side.link.value === "equal" && other.link.value === "equal") other.link.value = "linked";
    });
  });
  right.menu.addEventListener("change", () => setFilters(DESCRIBED.get(right.menu.value)));
  switches.addEventListener("input", () => {
    right.menu.value = kindOf({ frequency: elements.frequency.checked, space: elements.space.checked });
  });
  right.alpha.addEventListener("input", () => setAlpha(right.alpha.value));
  for (const box of ["#pds-alpha", "#pds-alpha-slide"]) {
    form.querySelector(box).addEventListener("input", () => (right.alpha.value = elements.alpha.value));
  }

  return {
    show,
    read() {
      const [left, name] = names();
      if (!isDescribed()) return { ...plain, left, right: name };
      const { frequency, space, alpha } = elements;
      const filters = { frequency: frequency.checked, space: space.checked };
      return { ...filters, alpha: numberIn(alpha), tuned: right.menu.value === "tuned", left, right: "" };
    },
    write(request) {
      const written = namesOf(request);
      const kind = parsed(written[1], kinds)?.kind;
      if (!request.right) setAlpha(request.alpha);
      setFilters(request.right ? DESCRIBED.get(kind) : { frequency: request.frequency, space: request.space });
      const before = names();
      sides.forEach((side, i) => before[i] === written[i] || side.write(written[i]));
      if (request.right && kinds.get(kind)?.strength === "alpha") setAlpha(right.alpha.value);
      right.alpha.value = elements.alpha.value;
      show();
    },
    // What the panels show of a run, where that differs from the headings.
    mark(drawn) {
      const n = numberIn(elements.num_steps);
      const next = names().map((name) => withCount(name, n));
      sides.forEach((side, i) => side.mark(drawn && drawn[i] !== next[i] ? inWords(drawn[i], kinds) : ""));
    },
    calls: () => names().map((name) => callsOf(name, numberIn(elements.num_steps), perIteration())),
    // For the tab "Filter": what it shows of the right side, its strength and its N.
    filter: () => ({
      alpha: numberIn(elements.alpha),
      way: TUNED.has(right.menu.value) ? right.menu.value : "pds",
      num_steps: iterations(names()[1], numberIn(elements.num_steps)),
    }),
  };
}
