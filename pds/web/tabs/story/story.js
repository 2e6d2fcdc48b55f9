// The tab "Why few steps fail": its steps, and the ways between them and to the comparison.

import { find, findAll } from "../../static/dom.js";
import { compare, onRequest, openTab } from "../../static/tabs.js";
import { makeMemory, makePlace } from "./place.js";
import { makePrint } from "./print.js";
import { makeStep } from "./step.js";
import { makeGlossary, makeMenu } from "./way.js";

/** @import { Component } from "../../static/server.js" */
/** @import { Setup, Step } from "./step.js" */

/** @param {Component<Setup>} component */
export function start({ element, props, server }) {
  const { setup } = props;
  const pane = find(element, ".pds-pane");
  const parts = findAll(pane, "[data-step]").map((section) => ({ name: section.dataset.step ?? "", section }));
  const memory = makeMemory(parts.map(({ name }) => name));
  const complaint = find(pane, ".pds-error");

  function complain(/** @type {string} */ sentence) {
    complaint.textContent = sentence;
    complaint.hidden = !sentence;
  }

  const model = makeModel(setup.fields[0].name, (name) => steps.forEach((step) => step.follow(name)));
  const steps = new Map(parts.map(({ name, section }) => [name, makeStep(section, { setup, model, memory, server })]));
  const stepOf = (/** @type {string} */ name) => /** @type {Step} */ (steps.get(name));
  const sections = new Map([...steps].map(([name, { section }]) => [name, section]));
  const place = makePlace(pane, sections, { memory, complain, onOpen: restore });
  makeGlossary(pane);
  makeMenu(find(pane, ".pds-way"));
  makePrint(pane, steps);

  // Answered steps are drawn at once: later they would push the others down.
  function restore() {
    for (const name of Object.keys(memory.guesses())) stepOf(name).load();
  }

  /**
   * Opens a step with values of its controls.
   * @param {{ step: string, values?: Record<string, any> }} request
   */
  function open({ step, values = {} }) {
    const { model: images, ...others } = values;
    if (images) model.choose(images);
    stepOf(step).write(others);
    place.go(step);
  }
  onRequest("story", open);

  find(pane, ".pds-compare").addEventListener("click", () => {
    place.leave();
    openComparison(stepOf("map").read());
  });
  for (const button of findAll(pane, "[data-open]")) {
    const { open: step = "", values = "{}" } = button.dataset;
    button.addEventListener("click", () => open({ step, values: JSON.parse(values) }));
  }
  find(pane, ".pds-show-all").addEventListener("click", () => steps.forEach((step) => step.pass()));
  find(pane, ".pds-restart").addEventListener("click", () => {
    memory.clear();
    model.choose(setup.fields[0].name);
    steps.forEach((step) => step.reset());
    place.restart();
  });
}

/**
 * The images of all steps, chosen in any of them.
 * @param {string} first
 * @param {(name: string) => void} onChoose
 */
function makeModel(first, onChoose) {
  let chosen = first;
  return {
    value: () => chosen,
    choose(/** @type {string} */ name) {
      chosen = name;
      onChoose(name);
    },
  };
}

/**
 * Opens the comparison of the chosen point of the map.
 * @param {Record<string, any>} values of its controls
 */
function openComparison({ model, num_steps, alpha }) {
  openTab("compare");
  scrollTo(0, 0);
  const filters = { alpha, frequency: true, space: false, tuned: false };
  compare({ model, num_steps, left: "vanilla", right: "", ...filters });
}
