// Inside one iteration: its arithmetic for both sides, computed again by the server when it is asked for.

const PAUSE = 350; // milliseconds that a step stays on screen before its arithmetic is asked for
const REMEMBERED = 8; // answers kept for scrubbing back

const SIGNS = {
  "D x": "(MM′ + S) x",
  "D s": "(MM′ + S) s",
  x_mean: "x<sub>mean</sub>",
  x_new: "x<sub>new</sub>",
  x_euler: "x<sub>Euler</sub>",
  s_euler: "s<sub>Euler</sub>",
  d_euler: "d<sub>Euler</sub>",
};
const FACTORS = {
  "sqrt(2 e)": "√(2e)",
  "G^2": "G²",
  "G^2 / 2": "½ G²",
  "-f": "−f",
  "sigma_new - sigma": "(σ<sub>new</sub> − σ)",
  "(sigma_new - sigma) / 2": "½ (σ<sub>new</sub> − σ)",
};
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
const RESULTS = {
  Corrector: { x_mean: "without the noise", x_new: "corrected x" },
  Predictor: { x_mean: "predicted mean", x_new: "next x" },
};

// With five digits, so that a reader can check the arithmetic.
function digits(value) {
  if (value === null) return "out of range";
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-3 && size < 1e5)) return Number(value.toPrecision(5)).toLocaleString("en-US", { maximumSignificantDigits: 5 }).replace("-", "−");
  const exponent = Math.floor(Math.log10(size));
  return `${(value / 10 ** exponent).toFixed(3)} · ${power(exponent)}`.replace("-", "−");
}

function scaled(scale) {
  if (scale === 1) return "shown as it is";
  return scale < 0.3 ? `shown at 1/${short(1 / scale)}` : `shown at ${short(scale)}×`;
}

function make(tag, className, html = "") {
  return Object.assign(document.createElement(tag), { className, innerHTML: html });
}

function sign(name) {
  return SIGNS[name] ?? name;
}

function meaning(title, name) {
  return MEANINGS[name] ?? RESULTS[title.match(/^\w+/)[0]]?.[name] ?? "result";
}

// A line such as x_mean = x + e (MM′ + S) s, whose images are buttons.
function equation(left, first, terms) {
  const button = (name) => `<button type="button" data-term="${name}">${sign(name)}</button>`;
  const added = terms.map(({ symbol, image }) => ` + <i>${FACTORS[symbol] ?? symbol}</i> ${button(image)}`);
  return make("p", "", `${button(left)} = ${button(first)}${added.join("")}`);
}

function equations({ terms, images }) {
  if (!images.x_mean) return [equation("x_new", "x", terms)];
  const noise = terms.filter(({ image }) => image === "M z");
  return [equation("x_mean", "x", terms.filter((term) => !noise.includes(term))), equation("x_new", "x_mean", noise)];
}

// Where the factors come from, in numbers.
function working({ name, terms, numbers, images, error }) {
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
  const sum = error === null ? "The sum is out of range." : error ? `The terms add up to x<sub>new</sub> within ${digits(error)} of its length.` : "The terms add up to x<sub>new</sub> to the last bit.";
  return `${parts.join(", ")}. ${sum}`;
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

// The substeps of both sides, like ones together, in the order in which they end an iteration.
function paired(message, order) {
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

function block(sides, message) {
  const { substep } = sides[0];
  const section = make("section", "pds-substep");
  const whose = sides.length < 2 ? `, ${message.labels[sides[0].chain]}` : "";
  const heading = make("h2", "");
  heading.textContent = substep.title + whose;
  const formulas = make("div", "pds-formulas");
  formulas.append(...equations(substep));
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

// The images of a substep and their places in its equation light up together: by hover and focus, and
// for good by a click or a tap.
function linkTerms(container) {
  let held = null; // the button or figure that was pressed
  const at = (target) => target.closest?.("[data-term]");

  function light(node) {
    for (const other of container.querySelectorAll(".lit")) other.classList.remove("lit");
    const name = node?.dataset.term;
    const section = node?.closest(".pds-substep");
    for (const other of section?.querySelectorAll(`[data-term="${name}"]`) ?? []) other.classList.add("lit");
  }
  function hold(node) {
    held = held && node && held.dataset.term === node.dataset.term && held.closest(".pds-substep") === node.closest(".pds-substep") ? null : node;
    light(held);
    for (const button of container.querySelectorAll("button[data-term]")) button.setAttribute("aria-pressed", Boolean(held) && button.classList.contains("lit"));
  }
  container.addEventListener("pointerover", ({ target, pointerType }) => pointerType === "mouse" && light(at(target) ?? held));
  container.addEventListener("pointerleave", () => light(held));
  container.addEventListener("focusin", ({ target }) => target.matches(":focus-visible") && light(at(target) ?? held));
  container.addEventListener("focusout", () => light(held));
  container.addEventListener("click", ({ target }) => {
    hold(at(target));
    if (held && at(target).closest(".pds-formulas")) {
      held.closest(".pds-substep").querySelector(`figure[data-term="${held.dataset.term}"]`).scrollIntoView({ block: "nearest", behavior: "smooth" });
    }
  });
  return () => hold(null);
}

function makeInside(root, player) {
  const details = root.querySelector(".pds-inside");
  const [told, bar, choice] = ["[role=status]", "progress", "[role=group]"].map((s) => details.querySelector(s));
  const complaint = details.querySelector(".pds-inside-error");
  const container = details.querySelector(".pds-inside-steps");
  const release = linkTerms(container);
  const answers = new Map(); // by question
  let run = null; // the replay under way
  let asked = null; // the question that is answered, or on its way
  let key = ""; // it and the order of the sides, as text
  let image = 0;
  let timer = 0;

  function question() {
    const shown = player.shown();
    if (!details.open || !shown || root.dataset.blind === "hidden" || root.dataset.state === "running") return null;
    const { header: { request }, numbers: { iterations } } = shown;
    image = Math.min(image, request.num_images - 1);
    return { ...request, iterations, image };
  }

  function tell(sentence, share) {
    told.textContent = sentence;
    bar.hidden = share === undefined;
    if (share) bar.value = share;
    else bar.removeAttribute("value");
  }

  function complain(sentence) {
    run = null;
    tell("");
    complaint.textContent = sentence;
    complaint.hidden = !sentence;
  }

  function leave() {
    clearTimeout(timer);
    if (run) server.leave_inside({ run }).catch(() => {}); // a new replay ends an old one by itself
    run = null;
  }

  function choose(count) {
    const names = Array.from({ length: count }, (_, i) => i);
    choice.hidden = count < 2;
    choice.replaceChildren("Picture ", ...names.map((i) => {
      const button = Object.assign(make("button", ""), { type: "button", textContent: i + 1 });
      button.setAttribute("aria-pressed", i === image);
      return button;
    }));
  }

  function begin() {
    run = `inside ${Math.random().toString(36).slice(2)}`;
    tell("Computing the iteration again…", 0);
    trigger("look", { ...asked, run });
  }

  function show(message) {
    const { header: { lengths }, order } = player.shown();
    release();
    container.replaceChildren(...paired(message, order).map((sides) => block(sides, message)));
    const cropped = message.cropped ? `, its middle ${message.cropped} × ${message.cropped} pixels` : "";
    complain("");
    const where = [...new Set(order.map((chain) => `${message.iterations[chain]} of ${lengths[chain]}`))].join(" and ");
    tell(`Iteration ${where}, picture ${image + 1} (seed ${message.seed})${cropped}`);
    container.inert = false;
  }

  function refresh() {
    const next = question();
    const text = next && JSON.stringify([next, player.shown().order]);
    if (text === key) return;
    leave();
    [asked, key] = [next, text];
    container.inert = true; // still what was asked before
    complaint.hidden = true;
    tell(root.dataset.state === "running" ? "Follows when the run has ended." : "");
    const known = asked && answers.get(JSON.stringify(asked));
    if (asked) choose(asked.num_images);
    if (known) show(known);
    else if (asked) timer = setTimeout(begin, PAUSE);
  }

  function accept(message) {
    if (message.run !== run) return;
    if (message.kind === "error") return complain(message.sentence);
    if (message.kind === "replay") return tell("Computing the iteration again…", message.share);
    answers.set(JSON.stringify(asked), message);
    if (answers.size > REMEMBERED) answers.delete(answers.keys().next().value);
    show(message);
  }

  choice.addEventListener("click", ({ target }) => {
    if (!target.matches("button")) return;
    image = Number(target.textContent) - 1;
    refresh();
    choice.querySelectorAll("button")[image].focus();
  });
  details.addEventListener("toggle", refresh);
  root.addEventListener("pds-step", refresh);
  new MutationObserver(refresh).observe(root, { attributeFilter: ["data-state", "data-blind"] });
  root.addEventListener("failure", async () => {
    const failed = run;
    const sentence = failed && (await whyNot());
    if (failed && run === failed) complain(sentence);
  });
  watchServer(() => run, complain);
  watch("value", () => props.value?.startsWith('{"run":"inside ') && accept(JSON.parse(props.value)));
}
