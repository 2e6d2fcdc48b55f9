// The tab "Why few steps fail": its steps, and the ways between them and to the comparison.

import { makeMemory, makePlace } from "./place.js";
import { makePrint } from "./print.js";
import { makeStep } from "./step.js";
import { makeGlossary, makeMenu } from "./way.js";

export function start({ element, props, server }) {
  const { setup } = props;
  const pane = element.querySelector(".pds-pane");
  const parts = [...pane.querySelectorAll("[data-step]")];
  const memory = makeMemory(parts.map((section) => section.dataset.step));
  const complaint = pane.querySelector(".pds-error");

  function complain(sentence) {
    complaint.textContent = sentence;
    complaint.hidden = !sentence;
  }

  const model = makeModel(setup.fields[0].name, (name) => steps.forEach((step) => step.follow(name)));
  const steps = new Map(
    parts.map((section) => [section.dataset.step, makeStep(section, { setup, model, memory, server })])
  );
  const sections = new Map([...steps].map(([name, { section }]) => [name, section]));
  const place = makePlace(pane, sections, { memory, complain, onOpen: restore });
  makeGlossary(pane);
  makeMenu(pane.querySelector(".pds-way"));
  makePrint(pane, steps);

  // Answered steps are drawn at once: later they would push the others down.
  function restore() {
    for (const name of Object.keys(memory.guesses())) steps.get(name).load();
  }

  // Opens a step with values of its controls.
  function open({ step, values = {} }) {
    const { model: images, ...others } = values;
    if (images) model.choose(images);
    steps.get(step).write(others);
    place.go(step);
  }

  // Opens the step that the comparison requests, which it may do before this tab is drawn.
  function follow() {
    const request = window.pdsStory;
    window.pdsStory = null;
    if (request) open(request);
  }
  document.addEventListener("pds-story", follow);
  follow();

  pane.querySelector(".pds-compare").addEventListener("click", () => {
    place.leave();
    openComparison(steps.get("map").read());
  });
  for (const button of pane.querySelectorAll("[data-open]")) {
    const { open: step, values = "{}" } = button.dataset;
    button.addEventListener("click", () => open({ step, values: JSON.parse(values) }));
  }
  pane.querySelector(".pds-show-all").addEventListener("click", () => steps.forEach((step) => step.pass()));
  pane.querySelector(".pds-restart").addEventListener("click", () => {
    memory.clear();
    model.choose(setup.fields[0].name);
    steps.forEach((step) => step.reset());
    place.restart();
  });
}

// The images of all steps, chosen in any of them.
function makeModel(first, onChoose) {
  let chosen = first;
  return {
    value: () => chosen,
    choose(name) {
      chosen = name;
      onChoose(name);
    },
  };
}

// Opens the comparison of the chosen point of the map.
function openComparison({ model, num_steps, alpha }) {
  document.querySelector("#compare-tab-button").click();
  scrollTo(0, 0);
  const filters = { alpha, frequency: true, space: false, tuned: false };
  const detail = { model, num_steps, left: "vanilla", right: "", ...filters };
  document.querySelector("#stage .pds").dispatchEvent(new CustomEvent("compare", { detail }));
}
