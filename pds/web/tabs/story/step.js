// One step of the story: its question, its controls, and its answer.

import { makeAsker, showAnswer } from "../../static/answers.js";
import { makeValues } from "../../static/form.js";
import { answered } from "../../static/server.js";
import { makeGuess } from "./guess.js";
import { makeDraggable, makeOctaves } from "./drag.js";
import { makePlane } from "./plane.js";

// Steps that do more than ask and show, by name: each takes the section and its context
// { controls, refresh, setup } and may return { values, accept, refuse, ready, guess }.
const SPECIAL = {
  plane: makePlane,
  octaves: makeOctaves,
  controls: makeDraggable,
  map: makeDraggable,
  clocks: makeDraggable,
};

export function makeStep(section, { setup, model, memory, server }) {
  const name = section.dataset.step;
  const shown = section.querySelector(".pds-answer");
  const complaint = document.createElement("p");
  Object.assign(complaint, { className: "pds-error", hidden: true, role: "alert" });
  section.querySelector(".pds-question").after(complaint);
  for (const input of shown.querySelectorAll("[data-stops]")) {
    input.dataset.stops = setup.stops[input.dataset.stops].join(" ");
  }
  const own = shown.querySelector("[name=model]");
  own?.append(...setup.fields.map(({ name, title }) => new Option(title, name)));
  own?.addEventListener("input", () => model.choose(own.value));

  let near = false; // whether the step has come into view
  const controls = makeValues(shown, () => refresh());
  const special = SPECIAL[name]?.(section, { controls, refresh: () => refresh(), setup }) ?? {};
  const values = () => ({ ...controls.read(), ...special.values?.(), step: name, model: model.value() });
  const ask = makeAsker(
    (values) => server.story_view(values),
    async (answer) => {
      await showAnswer(section, answer, setup.layouts);
      if (answer.error) special.refuse?.();
      else special.accept?.(answer);
      section.closest(".pds-pane").dataset.answered = 1;
    }
  );
  const ready = () => near && section.dataset.state === "shown" && (special.ready?.() ?? true);
  const refresh = () => ready() && ask(values());

  const guess = makeGuess(section, {
    judge: (guess) => answered(server.story_guess({ step: name, guess, model: model.value() })),
    show: (answer) => showAnswer(section, answer, setup.layouts),
    onOpen: () => refresh(),
    remember: (guess) => memory.keepGuess(name, guess),
    refuse() {
      complaint.textContent = "Make a guess first, or press Show the answer.";
      complaint.hidden = false;
    },
    input: special.guess,
  });

  new IntersectionObserver(
    (entries, observer) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      load();
    },
    { rootMargin: "300px" }
  ).observe(section);

  // Asks the server for what the step shows; a step does so when it comes into view.
  function load() {
    if (near) return;
    near = true;
    if (name in memory.guesses() && section.dataset.state === "asking") guess.restore(memory.guesses()[name]);
    else refresh();
  }

  return {
    section,
    load,
    pass: guess.pass,
    reset: guess.reset,
    // Takes over values of controls and shows the step.
    write(given) {
      for (const [control, value] of Object.entries(given)) controls.write(control, value);
      guess.pass();
      refresh();
    },
    // Other images were chosen.
    follow(chosen) {
      if (own) own.value = chosen;
      refresh();
    },
    read: () => values(),
  };
}
