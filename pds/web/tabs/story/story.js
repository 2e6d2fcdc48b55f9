// The tab "Why few steps fail": its steps, and the ways between them and to the comparison.

const pane = element.querySelector(".pds-pane");
const parts = [...pane.querySelectorAll("[data-step]")];
const memory = makeMemory(parts.map((section) => section.dataset.step));
const complaint = pane.querySelector(".pds-error");

function complain(sentence) {
  complaint.textContent = sentence;
  complaint.hidden = !sentence;
}

let chosen = props.setup.fields[0].name;
const model = {
  value: () => chosen,
  choose(name) {
    chosen = name;
    for (const step of steps.values()) step.follow(name);
  },
};
const steps = new Map(
  parts.map((section) => [
    section.dataset.step,
    makeStep(section, { setup: props.setup, model, memory }),
  ])
);
const sections = new Map([...steps].map(([name, { section }]) => [name, section]));

// The steps that the reader has answered are there at once: they would push the others down later.
function restore() {
  for (const name of Object.keys(memory.guesses())) steps.get(name).load();
}

const place = makePlace(pane, sections, { memory, complain, onOpen: restore });
makeGlossary(pane);
makeMenu(pane.querySelector(".pds-way"));
makePrint(pane, steps);

// Opens a step with values of its controls; the comparison asks for it, too.
function open({ step, values = {} }) {
  if (values.model) model.choose(values.model);
  const { model: _, ...others } = values;
  steps.get(step).write(others);
  place.go(step);
}

// What the comparison asks for, which it may do before this tab is drawn.
function follow() {
  const asked = window.pdsStory;
  window.pdsStory = null;
  if (asked) open(asked);
}
document.addEventListener("pds-story", follow);
follow();

// Leads from a step to a comparison of drawn pictures.
pane.querySelector(".pds-compare").addEventListener("click", () => {
  const { num_steps, alpha, model } = steps.get("map").read();
  place.leave();
  document.querySelector("#compare-tab-button").click();
  scrollTo(0, 0);
  const filters = { alpha, frequency: true, space: false, tuned: false };
  const detail = { model, num_steps, left: "vanilla", right: "", ...filters };
  document.querySelector("#stage .pds").dispatchEvent(new CustomEvent("compare", { detail }));
});

for (const button of pane.querySelectorAll("[data-open]")) {
  button.addEventListener("click", () =>
    open({ step: button.dataset.open, values: JSON.parse(button.dataset.values ?? "{}") })
  );
}
pane.querySelector(".pds-show-all").addEventListener("click", () => {
  for (const step of steps.values()) step.pass();
});
pane.querySelector(".pds-restart").addEventListener("click", () => {
  memory.clear();
  model.choose(props.setup.fields[0].name);
  for (const step of steps.values()) step.reset();
  place.restart();
});
