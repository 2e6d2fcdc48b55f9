// One step of the story: its question, its controls, and its answer.

import { makeRequester, showAnswer } from "../../static/answers.js";
import { closest, find, findAll } from "../../static/dom.js";
import { makeValues } from "../../static/form.js";
import { answered } from "../../static/server.js";
import { makeGuess } from "./guess.js";
import { makeDraggable, makeOctaves } from "./drag.js";
import { makePlane } from "./plane.js";

/**
 * @import { Values } from "../../static/form.js"
 * @import { Component } from "../../static/server.js"
 * @import { GuessInput } from "./guess.js"
 * @import { Memory } from "./place.js"
 * @import { PlaneSetup } from "./plane.js"
 */

/**
 * @typedef {object} Setup
 * @property {Record<string, object>} layouts of the figures
 * @property {{ name: string, title: string }[]} fields models whose spectra the steps can use
 * @property {Record<string, number[]>} stops of sliders, by the name in data-stops
 * @property {PlaneSetup} plane
 *
 * What a step that does more than ask and show works with.
 * @typedef {object} Context
 * @property {Values} controls
 * @property {() => void} refresh requests an answer for the controls
 * @property {Setup} setup
 *
 * What such a step adds.
 * @typedef {object} Special
 * @property {() => object} [values] adds values to a request
 * @property {(answer: any) => void} [accept] called when an answer is shown
 * @property {() => void} [refuse] called when a request is refused
 * @property {() => boolean} [ready] whether a request can be made
 * @property {GuessInput} [guess]
 *
 * @typedef {object} Options
 * @property {Setup} setup
 * @property {{ value(): string, choose(name: string): void }} model the images of all steps
 * @property {Memory} memory
 * @property {Component<Setup>["server"]} server
 *
 * @typedef {ReturnType<typeof makeStep>} Step
 */

/** @type {Record<string, (section: HTMLElement, context: Context) => Special>} */
const SPECIAL = {
  plane: makePlane,
  octaves: makeOctaves,
  controls: makeDraggable,
  map: makeDraggable,
  clocks: makeDraggable,
};

/**
 * The choice of the images, in a step that has one.
 * @param {HTMLElement} shown
 * @param {Options} options
 */
function makeModelMenu(shown, { setup, model }) {
  const [menu] = findAll(shown, "[name=model]", HTMLSelectElement);
  menu?.append(...setup.fields.map(({ name, title }) => new Option(title, name)));
  menu?.addEventListener("input", () => model.choose(menu.value));
  return (/** @type {string} */ name) => {
    if (menu) menu.value = name;
  };
}

/**
 * Calls `load` when a section comes near the window.
 * @param {HTMLElement} section
 * @param {() => void} load
 */
function whenNear(section, load) {
  new IntersectionObserver(
    (entries, observer) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      load();
    },
    { rootMargin: "300px" }
  ).observe(section);
}

/**
 * @param {HTMLElement} section
 * @param {Options} options
 */
export function makeStep(section, options) {
  const { setup, model, memory, server } = options;
  const name = section.dataset.step ?? "";
  const shown = find(section, ".pds-answer");
  const complaint = document.createElement("p");
  Object.assign(complaint, { className: "pds-error", hidden: true, role: "alert" });
  find(section, ".pds-question").after(complaint);
  for (const { dataset } of findAll(shown, "[data-stops]")) dataset.stops = setup.stops[dataset.stops ?? ""].join(" ");
  const showModel = makeModelMenu(shown, options);

  let near = false; // whether the step has come into view
  const controls = makeValues(shown, () => refresh());
  const special = SPECIAL[name]?.(section, { controls, refresh: () => refresh(), setup }) ?? {};
  const values = () => ({ ...controls.read(), ...special.values?.(), step: name, model: model.value() });
  const request = makeRequester((/** @type {object} */ values) => server.story_view(values), async (answer) => {
    if (section.dataset.state === "asking") return; // the story was started over meanwhile
    await showAnswer(section, answer, setup.layouts);
    if (answer.error) special.refuse?.();
    else special.accept?.(answer);
    const pane = closest(section, ".pds-pane");
    if (pane) pane.dataset.answered = "1";
  });
  const ready = () => near && section.dataset.state === "shown" && (special.ready?.() ?? true);
  const refresh = () => {
    if (ready()) request(values());
  };

  const guess = makeGuess(section, {
    judge: (guess) => answered(server.story_guess({ step: name, guess, model: model.value() })),
    show: (answer) => showAnswer(section, answer, setup.layouts),
    onOpen: refresh,
    remember: (guess) => memory.keepGuess(name, guess),
    refuse() {
      complaint.textContent = "Make a guess first, or press Show the answer.";
      complaint.hidden = false;
    },
    input: special.guess,
  });

  // Asks the server for what the step shows; a step does so when it comes into view.
  function load() {
    if (near) return;
    near = true;
    if (name in memory.guesses() && section.dataset.state === "asking") guess.restore(memory.guesses()[name]);
    else refresh();
  }
  whenNear(section, load);

  return {
    section,
    load,
    pass: guess.pass,
    reset: guess.reset,
    // Takes over values of controls and shows the step.
    write(/** @type {Record<string, any>} */ given) {
      for (const [control, value] of Object.entries(given)) controls.write(control, value);
      guess.pass();
      refresh();
    },
    // Other images were chosen.
    follow(/** @type {string} */ chosen) {
      showModel(chosen);
      refresh();
    },
    read: () => values(),
  };
}
