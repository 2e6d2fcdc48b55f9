// The tab "Ladder": the recorded sheet, and others drawn column by column.

import { find } from "../../static/dom.js";
import { about } from "../../static/format.js";
import { makeRun } from "../../static/runs.js";
import { answered } from "../../static/server.js";
import { numberIn } from "../../static/slider.js";
import { compare, openTab } from "../../static/tabs.js";
import { makeNumbers } from "./numbers.js";
import { items, makeRows } from "./rows.js";
import { makeSheet } from "./sheet.js";

/**
 * @import { Component } from "../../static/server.js"
 * @import { Column, Shown } from "./numbers.js"
 * @import { Kind } from "./rows.js"
 */

/**
 * @typedef {Shown["sheet"]} Sheet
 *
 * @typedef {object} Setup
 * @property {string[]} samplers of the form
 * @property {number[]} counts iterations of the form
 * @property {number} num_images of the form
 * @property {Sheet} opening the recorded sheet
 * @property {string[]} titles of its rows
 * @property {Kind[]} kinds of samplers
 * @property {{ name: string, title: string }[]} models
 * @property {number} lost see `Shown`
 * @property {Record<"seed" | "rows" | "images" | "characters", number>} limits
 *
 * @typedef {Pick<Shown, "sheet" | "titles" | "own">} Beginning in each message
 * @typedef {{ num_steps: number, iteration: number, share: number, seconds: number }} Progress
 *
 * @typedef {Beginning & (
 *   | { kind: "progress" } & Progress
 *   | { kind: "column" } & Column
 *   | { kind: "done", columns: Column[], sentence: string }
 * )} Message
 */

/** A number, or text that the server refuses with its own sentence. @param {string} text */
export function numberOrText(text) {
  return Number.isFinite(Number(text)) ? Number(text) : text;
}

/** @param {Component<Setup>} component */
export function start({ element, props, server, trigger, watch }) {
  const { setup } = props;
  const pane = find(element, ".pds-pane");
  const controls = makeControls(pane, setup);
  const sheet = makeColumns(pane, server, setup);
  let isNew = false; // a run has begun, but the pictures are still the last one's

  const run = makeRun(pane, {
    start(request) {
      isNew = true;
      controls.show({ isRunning: true, caption: "Sampling, fewest iterations first…" });
      trigger("draw", request);
    },
    show: accept,
    stop() {
      trigger("stop");
      controls.show({ caption: "Stopped. The finished columns are kept." });
    },
    fail: (error) => controls.show({ error }),
  });

  function accept(/** @type {Message} */ message) {
    const isRecorded = run.current() === null;
    if (isNew || isRecorded) sheet.begin(message);
    isNew = false;
    if (message.kind === "progress") controls.showProgress(message);
    else if (message.kind === "column") sheet.add([message]);
    else {
      sheet.add(message.columns);
      run.end();
      controls.show({ caption: message.sentence });
    }
  }

  controls.onDraw(() => run.start(controls.read()));
  controls.onStop(run.stop);

  sheet.begin({ sheet: setup.opening, titles: setup.titles, own: "" });
  watch("value", () => props.value && run.accept(JSON.parse(props.value)));
  whenSeen(pane, async () => {
    const answer = await answered(server.recorded_ladder({}));
    if (!run.current() && sheet.isEmpty()) {
      run.accept(answer.error ? { kind: "error", sentence: answer.error } : JSON.parse(answer));
      if (!sheet.isEmpty()) controls.setModel(sheet.model());
      sheet.scrollToFewest();
    }
    pane.dataset.answered = "1";
  });
}

/**
 * The sheet on screen: its pictures, and its numbers below.
 * @param {HTMLElement} pane
 * @param {Component<Setup>["server"]} server
 * @param {Setup} setup
 */
function makeColumns(pane, server, { limits, lost }) {
  const showNumbers = makeNumbers(find(pane, ".pds-cells"), { sheet_file: (values) => server.sheet_file(values) }, limits);
  const pictures = makeSheet(pane, openComparison);
  /** @type {Shown} */
  let shown;
  return {
    isEmpty: () => !shown.columns.length,
    model: () => shown.sheet.model,
    scrollToFewest: () => pictures.scrollToFewest(shown.columns),
    begin(/** @type {Beginning} */ { sheet, titles, own }) {
      shown = { sheet, titles, own, lost, columns: [] };
      pictures.begin(shown);
      showNumbers(shown);
    },
    // Adds the columns that are not there yet.
    add(/** @type {Column[]} */ columns) {
      const order = shown.sheet.num_steps;
      const added = columns.filter(({ num_steps }) => !shown.columns.some((column) => column.num_steps === num_steps));
      for (const column of added) pictures.place(shown, column);
      shown.columns = [...shown.columns, ...added].sort((a, b) => order.indexOf(a.num_steps) - order.indexOf(b.num_steps));
      showNumbers(shown);
    },
  };
}

/** @param {object} request */
function openComparison(request) {
  openTab("compare");
  scrollTo(0, 0); // to its pictures
  compare(request);
}

/**
 * The recorded sheet weighs more than the page: it is requested when the tab is in view.
 * @param {HTMLElement} node
 * @param {() => void} load
 */
function whenSeen(node, load) {
  new IntersectionObserver((entries, observer) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    load();
  }).observe(node);
}

/**
 * The form, and what a run shows beside the pictures.
 * @param {HTMLElement} pane
 * @param {Setup} setup
 */
function makeControls(pane, { models, limits, num_images, counts, ...setup }) {
  const form = find(pane, "form", HTMLFormElement);
  const [model, images] = ["model", "num_images"].map((name) => find(form, `[name=${name}]`, HTMLSelectElement));
  const [numSteps, seed] = ["num_steps", "seed"].map((name) => find(form, `[name=${name}]`, HTMLInputElement));
  const [draw, halt] = [".pds-draw", ".pds-halt"].map((selector) => find(form, selector, HTMLButtonElement));
  const [caption, complaint, progress] = ["[role=status]", ".pds-error", ".pds-progress"].map((s) => find(pane, s));
  const [bar, time] = [find(progress, "progress", HTMLProgressElement), find(progress, "span")];
  seed.max = String(limits.seed);
  model.append(...models.map(({ name, title }) => new Option(title, name)));
  for (let n = 1; n <= limits.images; n++) images.append(new Option(String(n), String(n)));
  images.value = String(num_images);
  numSteps.value = counts.join(", ");
  const readRows = makeRows(form, { ...setup, limits });
  return {
    read: () => ({
      samplers: readRows(),
      num_steps: items(numSteps.value).map(numberOrText),
      model: model.value,
      num_images: Number(images.value),
      seed: numberIn(seed),
    }),
    setModel(/** @type {string} */ name) {
      model.value = name;
    },
    show({ isRunning = false, caption: sentence = "", error = "" }) {
      draw.disabled = isRunning;
      halt.disabled = !isRunning;
      progress.hidden = true;
      caption.textContent = sentence;
      complaint.textContent = error;
      complaint.hidden = !error;
    },
    showProgress(/** @type {Progress} */ { num_steps, iteration, share, seconds }) {
      progress.hidden = false;
      bar.value = share;
      time.textContent = `N = ${num_steps}: iteration ${iteration}, ${about(seconds)} left in all`;
    },
    onDraw: (/** @type {() => void} */ listener) =>
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        listener();
      }),
    onStop: (/** @type {() => void} */ listener) => halt.addEventListener("click", listener),
  };
}
