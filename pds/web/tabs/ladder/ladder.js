// The tab "Ladder": the recorded figure, and others drawn column by column.

const pane = element.querySelector(".pds-pane");
const form = pane.querySelector("form");
const [drawButton, haltButton] = [".pds-draw", ".pds-halt"].map((s) => pane.querySelector(s));
const [caption, complaint, table, progress] = ["[role=status]", ".pds-error", "table", ".pds-progress"].map(
  (s) => pane.querySelector(s)
);
const rungs = pane.querySelector(".pds-rungs");
const ends = pane.querySelector(".pds-ends");
const { setup } = props;
const CELL = 128; // a picture's width on the page, unless it has more pixels
const COVERED = 0.1; // share of a picture's values out of range by which noise hides it
const HUES = { vanilla: "vanilla", pds: "ours", tuned: "tuned", response: "response" };
form.elements.seed.max = setup.limits.seed;
form.elements.model.append(...setup.models.map(({ name, title }) => new Option(title, name)));
for (let n = 1; n <= setup.limits.images; n++) form.elements.num_images.append(new Option(n, n));
form.elements.num_images.value = setup.num_images;
form.elements.num_steps.value = setup.counts.join(", ");
const readRows = makeRows(form, setup);
const showNumbers = makeNumbers(pane.querySelector(".pds-cells"), setup);
let run = null;
let shown = null; // the sheet on screen: { sheet, titles, own, columns }
let fresh = false; // a run has begun, but the pictures are still the last one's

// A new sheet without pictures. Until the first one the keyboard scrolls the table itself, then from
// picture to picture.
function begin({ sheet, titles, own }) {
  shown = { sheet, titles, own, columns: [] };
  fresh = false;
  table.replaceChildren();
  table.style.setProperty("--columns", sheet.num_steps.length);
  table.style.setProperty("--images", sheet.num_images);
  columnHeaders(table.createTHead().insertRow(), sheet.num_steps);
  const body = table.createTBody();
  sheet.samplers.forEach((name, i) => {
    const row = body.insertRow();
    row.className = HUES[name.split(":")[0]] ?? "";
    row.append(rowHeader(titles[i], name));
    for (const n of sheet.num_steps) row.insertCell().dataset.count = n;
  });
  rungs.tabIndex = 0;
  showNumbers(shown);
  showEnds();
}

function cells(n) {
  return [...table.querySelectorAll(`td[data-count="${n}"]`)];
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

// Scrolls to the fewest iterations with a picture in every row: further on noise covers the rows.
function showTelling() {
  const whole = shown.columns.filter(({ outside }) => outside.every((share) => share !== null && share <= COVERED));
  const cell = whole.length ? cells(whole.at(-1).num_steps)[0] : table;
  rungs.scrollLeft = cell.offsetLeft + cell.offsetWidth - rungs.clientWidth;
}

function place(column) {
  const { num_steps, pictures, requests } = column;
  rungs.tabIndex = -1;
  cells(num_steps).forEach((cell, row) => {
    const button = document.createElement("button");
    const image = document.createElement("img");
    const number = document.createElement("span");
    const grain = grainOf(shown, column, row);
    image.src = "data:image/png;base64," + pictures[row];
    image.alt = "";
    image.addEventListener("load", () => size(image));
    number.textContent = grain;
    button.type = "button";
    button.setAttribute(
      "aria-label",
      `${shown.titles[row]} after ${num_steps} iterations, grain ${grain}${grain.endsWith("×") ? " the network's own" : ""}. Open this comparison.`
    );
    button.append(image, number);
    button.addEventListener("click", () => openComparison(requests[row]));
    cell.replaceChildren(button);
  });
  const order = shown.sheet.num_steps;
  shown.columns = [...shown.columns, column].sort((a, b) => order.indexOf(a.num_steps) - order.indexOf(b.num_steps));
}

function openComparison(request) {
  document.querySelector("#compare-tab-button").click();
  scrollTo(0, 0); // to its pictures
  document.querySelector("#stage .pds").dispatchEvent(new CustomEvent("compare", { detail: request }));
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
  if (message.kind === "error") {
    release("");
    return complain(message.sentence);
  }
  if (fresh) begin(message);
  if (message.kind === "progress") {
    const { num_steps, iteration, share, seconds } = message;
    progress.hidden = false;
    progress.firstElementChild.value = share;
    progress.lastElementChild.textContent = `N = ${num_steps}: iteration ${iteration}, about ${duration(Math.max(1, seconds))} left in all`;
  } else if (message.kind === "column") {
    place(message);
    showNumbers(shown);
  } else {
    if (!run) begin(message);
    const missing = message.columns.filter(({ num_steps }) => !shown.columns.some((c) => c.num_steps === num_steps));
    missing.forEach(place);
    showNumbers(shown);
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
  const { model, num_images, num_steps, seed } = form.elements;
  const number = (text) => (Number.isFinite(Number(text)) ? Number(text) : text);
  trigger("draw", {
    samplers: readRows(),
    num_steps: words(num_steps.value).map(number),
    model: model.value,
    num_images: Number(num_images.value),
    seed: Number.isFinite(seed.valueAsNumber) ? seed.valueAsNumber : seed.value,
    run,
  });
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

begin({ sheet: setup.opening, titles: setup.titles, own: "" });
watch("value", () => props.value && accept(JSON.parse(props.value)));

// The recorded figure weighs more than the page: it comes when it is looked at.
const seen = new IntersectionObserver(async (entries) => {
  if (!entries.some((entry) => entry.isIntersecting)) return;
  seen.disconnect();
  const answer = await answered(server.recorded_ladder({}));
  if (!run && !shown.columns.length) {
    accept(answer.error ? { kind: "error", sentence: answer.error } : JSON.parse(answer));
    if (shown.columns.length) form.elements.model.value = shown.sheet.model;
    showTelling();
  }
  pane.dataset.answered = 1;
});
seen.observe(pane);
