// The tab "Ladder": the recorded sheet, and others drawn column by column.

import { about } from "../../static/format.js";
import { makeRun } from "../../static/runs.js";
import { answered } from "../../static/server.js";
import { makeNumbers } from "./numbers.js";
import { items, makeRows } from "./rows.js";
import { makeSheet } from "./sheet.js";

// A number, or text that the server refuses with its own sentence.
export function numberOrText(text) {
  return Number.isFinite(Number(text)) ? Number(text) : text;
}

export function start({ element, props, server, trigger, watch }) {
  const { setup } = props;
  const pane = element.querySelector(".pds-pane");
  const controls = makeControls(pane, setup);
  const showNumbers = makeNumbers(pane.querySelector(".pds-cells"), server, setup.limits);
  const pictures = makeSheet(pane, openComparison);
  let shown = null; // the sheet on screen
  let isNew = false; // a run has begun, but the pictures are still the last one's

  const run = makeRun(pane, {
    start(request) {
      isNew = true;
      controls.show({ isRunning: true, caption: "Drawing, fewest iterations first…" });
      trigger("draw", request);
    },
    show: accept,
    stop() {
      trigger("stop");
      controls.show({ caption: "Stopped. The finished columns are kept." });
    },
    fail: (error) => controls.show({ error }),
  });

  function begin({ sheet, titles, own }) {
    shown = { sheet, titles, own, lost: setup.lost, columns: [] };
    isNew = false;
    pictures.begin(shown);
    showNumbers(shown);
  }

  function add(columns) {
    const order = shown.sheet.num_steps;
    columns.forEach((column) => pictures.place(shown, column));
    shown.columns = [...shown.columns, ...columns].sort((a, b) => order.indexOf(a.num_steps) - order.indexOf(b.num_steps));
    showNumbers(shown);
  }

  function accept(message) {
    const isRecorded = run.current() === null;
    if (isNew || isRecorded) begin(message);
    if (message.kind === "progress") controls.showProgress(message);
    else if (message.kind === "column") add([message]);
    else {
      add(message.columns.filter(({ num_steps }) => !shown.columns.some((c) => c.num_steps === num_steps)));
      run.end();
      controls.show({ caption: message.sentence });
    }
  }

  controls.onDraw(() => run.start(controls.read()));
  controls.onStop(run.stop);

  begin({ sheet: setup.opening, titles: setup.titles, own: "" });
  watch("value", () => props.value && run.accept(JSON.parse(props.value)));
  whenSeen(pane, async () => {
    const answer = await answered(server.recorded_ladder({}));
    if (!run.current() && !shown.columns.length) {
      run.accept(answer.error ? { kind: "error", sentence: answer.error } : JSON.parse(answer));
      if (shown.columns.length) controls.setModel(shown.sheet.model);
      pictures.scrollToFewest(shown.columns);
    }
    pane.dataset.answered = 1;
  });
}

function openComparison(request) {
  document.querySelector("#compare-tab-button").click();
  scrollTo(0, 0); // to its pictures
  document.querySelector("#stage .pds").dispatchEvent(new CustomEvent("compare", { detail: request }));
}

// The recorded sheet weighs more than the page: it is requested when the tab is in view.
function whenSeen(node, load) {
  new IntersectionObserver((entries, observer) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    load();
  }).observe(node);
}

// The form, and what a run shows beside the pictures.
function makeControls(pane, { models, limits, num_images, counts, ...setup }) {
  const form = pane.querySelector("form");
  const fields = form.elements;
  const [draw, halt, caption, complaint, progress] = [
    ".pds-draw", ".pds-halt", "[role=status]", ".pds-error", ".pds-progress",
  ].map((selector) => pane.querySelector(selector));
  fields.seed.max = limits.seed;
  fields.model.append(...models.map(({ name, title }) => new Option(title, name)));
  for (let n = 1; n <= limits.images; n++) fields.num_images.append(new Option(n, n));
  fields.num_images.value = num_images;
  fields.num_steps.value = counts.join(", ");
  const readRows = makeRows(form, { ...setup, limits });
  return {
    read: () => ({
      samplers: readRows(),
      num_steps: items(fields.num_steps.value).map(numberOrText),
      model: fields.model.value,
      num_images: Number(fields.num_images.value),
      seed: Number.isFinite(fields.seed.valueAsNumber) ? fields.seed.valueAsNumber : fields.seed.value,
    }),
    setModel: (name) => (fields.model.value = name),
    show({ isRunning = false, caption: sentence = "", error = "" }) {
      draw.disabled = isRunning;
      halt.disabled = !isRunning;
      progress.hidden = true;
      caption.textContent = sentence;
      complaint.textContent = error;
      complaint.hidden = !error;
    },
    showProgress({ num_steps, iteration, share, seconds }) {
      const [bar, text] = progress.children;
      progress.hidden = false;
      bar.value = share;
      text.textContent = `N = ${num_steps}: iteration ${iteration}, ${about(seconds)} left in all`;
    },
    onDraw: (listener) =>
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        listener();
      }),
    onStop: (listener) => halt.addEventListener("click", listener),
  };
}
