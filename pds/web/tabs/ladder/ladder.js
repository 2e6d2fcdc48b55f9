// The tab "Ladder": the recorded figure, and others drawn column by column.

const pane = element.querySelector(".pds-pane");
const form = pane.querySelector("form");
const [drawButton, haltButton] = [".pds-draw", ".pds-halt"].map((s) => pane.querySelector(s));
const [caption, complaint, table, progress] = ["[role=status]", ".pds-error", "table", ".pds-progress"].map(
  (s) => pane.querySelector(s)
);
const rungs = pane.querySelector(".pds-rungs");
const ends = pane.querySelector(".pds-ends");
const { counts, rows, models, limits } = props.setup;
const CELL = 128; // a picture's width on the page, unless it has more pixels
const HUES = { Vanilla: "vanilla", PDS: "ours", Tuned: "tuned" };
form.elements.seed.max = limits.seed;
form.elements.model.append(...models.map(({ name, title }) => new Option(title, name)));
let run = null;
let request = null;
let fresh = false; // a run has begun, but the pictures are still the last one's

function buildTable() {
  const head = table.createTHead().insertRow();
  head.insertCell().textContent = "N";
  for (const n of counts) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = n.toLocaleString("en-US");
    head.append(cell);
  }
  const body = table.createTBody();
  for (const name of rows) {
    const row = body.insertRow();
    row.className = HUES[name];
    const title = document.createElement("th");
    Object.assign(title, { scope: "row", textContent: name });
    row.append(title);
    for (const n of counts) row.insertCell().dataset.count = n;
  }
}

function cells(n) {
  return [...table.querySelectorAll(`td[data-count="${n}"]`)];
}

// Before the first picture of a run the keyboard scrolls the table itself, then from picture to picture.
function clear() {
  for (const n of counts) cells(n).forEach((cell) => cell.replaceChildren());
  rungs.tabIndex = 0;
  fresh = false;
}

// A whole number of the screen's pixels for each of the picture's.
function size(image) {
  const whole = Math.max(1, Math.floor((CELL * devicePixelRatio) / image.naturalWidth));
  const width = (image.naturalWidth * whole) / devicePixelRatio;
  image.style.width = `${width}px`;
  table.style.setProperty("--cell", `${Math.max(width, CELL)}px`);
}

// The way to the other end, where the table is wider than the window.
function showEnds() {
  const most = rungs.scrollWidth - rungs.clientWidth;
  ends.hidden = most < 2;
  for (const button of ends.children) {
    button.disabled = Number(button.dataset.end) ? rungs.scrollLeft > most - 2 : rungs.scrollLeft < 2;
  }
}

function place({ num_steps, grain, pictures }) {
  rungs.tabIndex = -1;
  cells(num_steps).forEach((cell, chain) => {
    const button = document.createElement("button");
    const image = document.createElement("img");
    const number = document.createElement("span");
    image.src = "data:image/png;base64," + pictures[chain];
    image.alt = "";
    image.addEventListener("load", () => size(image));
    number.textContent = relative(grain.network[chain]);
    button.type = "button";
    button.setAttribute(
      "aria-label",
      `${rows[chain]} after ${num_steps} iterations, grain ${relative(grain.network[chain])} the network's own. Open this comparison.`
    );
    button.append(image, number);
    const published = { left: "vanilla", right: "", snr: null, corrector_steps: null };
    const asked = { ...request, ...published, num_steps, tuned: rows[chain] === "Tuned" };
    button.addEventListener("click", () => openComparison(asked));
    cell.replaceChildren(button);
  });
}

function openComparison(asked) {
  document.querySelector("#compare-tab-button").click();
  document.querySelector("#stage .pds").dispatchEvent(new CustomEvent("compare", { detail: asked }));
}

function complain(sentence) {
  complaint.textContent = sentence;
  complaint.hidden = !sentence;
}

function release(sentence) {
  run = null;
  drawButton.disabled = false;
  haltButton.disabled = true;
  progress.hidden = true;
  caption.textContent = sentence;
}

function accept(message) {
  if ((message.run ?? null) !== run) return;
  if (fresh && message.kind !== "error") clear();
  if (message.kind === "error") {
    release("");
    complain(message.sentence);
  } else if (message.kind === "progress") {
    const { num_steps, iteration, share, seconds } = message;
    progress.hidden = false;
    progress.firstElementChild.value = share;
    progress.lastElementChild.textContent = `N = ${num_steps}: iteration ${iteration}, about ${duration(Math.max(1, seconds))} left in all`;
  } else if (message.kind === "column") {
    request = message.request;
    place(message);
  } else {
    request = message.request;
    message.columns.forEach(place);
    release(message.sentence);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (run) return;
  complain("");
  run = Math.random().toString(36).slice(2);
  drawButton.disabled = true;
  haltButton.disabled = false;
  caption.textContent = "Drawing, the quickest first…";
  fresh = true;
  const { model, seed, long } = form.elements;
  const value = Number.isFinite(seed.valueAsNumber) ? seed.valueAsNumber : seed.value;
  trigger("draw", { model: model.value, seed: value, long: long.checked, run });
});
haltButton.addEventListener("click", () => {
  trigger("stop");
  release("Stopped. The columns so far stay.");
});
function lose(sentence) {
  release("");
  complain(sentence);
}

pane.addEventListener("failure", async () => {
  const failed = run;
  const sentence = failed && (await whyNot());
  if (failed && run === failed) lose(sentence);
});
watchServer(() => run, lose);

for (const button of ends.children) {
  button.addEventListener("click", () =>
    rungs.scrollTo({ left: Number(button.dataset.end) * rungs.scrollWidth, behavior: "smooth" })
  );
}
rungs.addEventListener("scroll", showEnds);
new ResizeObserver(showEnds).observe(rungs);

buildTable();
watch("value", () => props.value && accept(JSON.parse(props.value)));

// The recorded figure weighs more than the page: it comes when it is looked at, at its telling end.
const seen = new IntersectionObserver(async (entries) => {
  if (!entries.some((entry) => entry.isIntersecting)) return;
  seen.disconnect();
  rungs.scrollLeft = rungs.scrollWidth;
  const answer = await answered(server.recorded_ladder({}));
  if (!run && !request) {
    accept(answer.error ? { kind: "error", sentence: answer.error } : JSON.parse(answer));
    if (request) form.elements.model.value = request.model;
  }
  pane.dataset.answered = 1;
});
seen.observe(pane);
