// The tab "Filter": a model's filters or a sampler that is tuned to N, or those of a file's mask.

import { makeAsker, showAnswer } from "../../static/answers.js";
import { makeValues } from "../../static/form.js";
import { relayout } from "../../static/plots.js";
import { answered, asBase64, saveAnswer } from "../../static/server.js";

export function start({ element, props, server }) {
  const pane = element.querySelector(".pds-pane");
  const { model, channel } = Object.fromEntries(
    [...pane.querySelectorAll("select")].map((node) => [node.name, node])
  );
  model.append(...props.setup.models.map(({ name, title }) => new Option(title, name)));
  channel.append(...props.setup.channels.map((title, i) => new Option(title, i)));
  const opened = { frequency: "", space: "" };

  const controls = makeValues(pane, refresh);
  const numSteps = pane.querySelector("[name=num_steps]");
  numSteps.max = props.setup.limits.num_steps;
  const read = () => {
    const values = controls.read();
    const n = Number.isFinite(numSteps.valueAsNumber) ? numSteps.valueAsNumber : numSteps.value;
    return { ...values, num_steps: n, channel: Number(channel.value), ...opened };
  };
  const ask = makeAsker(
    (values) => server.filter_view(values),
    (answer) => {
      if (!answer.error) arrange(read().way, answer.plots);
      return showAnswer(pane, answer, props.setup.layouts);
    }
  );

  // Shows what belongs to a sampler, without the figures that an answer lacks.
  function arrange(way, plots) {
    for (const node of pane.querySelectorAll("[data-way]")) {
      const { plot } = node.dataset;
      node.hidden = !node.dataset.way.split(" ").includes(way) || Boolean(plot && plots && !plots[plot]);
    }
  }

  function refresh() {
    const values = read();
    arrange(values.way);
    ask(values);
  }

  // Takes over what the comparison asks for, which it may do before this tab is drawn.
  function follow() {
    const asked = window.pdsFilter;
    if (!asked) return refresh();
    window.pdsFilter = null;
    if (![...model.options].some(({ value }) => value === asked.model)) model.append(new Option("Your images", asked.model));
    model.value = asked.model;
    numSteps.value = asked.num_steps;
    controls.write("alpha", asked.alpha);
    pane.querySelector(`[name=way][value="${asked.way}"]`).checked = true;
    refresh();
  }
  document.addEventListener("pds-filter", follow);

  const openedNames = pane.querySelector(".pds-opened");
  function showOpened(titles) {
    openedNames.hidden = !titles.length;
    openedNames.querySelector("span").textContent = titles.join(" and ");
  }
  const titles = {};
  for (const file of pane.querySelectorAll("input[type=file]")) {
    file.addEventListener("change", async () => {
      const [chosen] = file.files;
      if (!chosen) return;
      const { kind } = file.dataset;
      const answer = await answered(server.open_filter({ kind, content: await asBase64(chosen) }));
      file.value = "";
      if (answer.error) return showAnswer(pane, answer, {});
      opened[kind] = answer.opened;
      titles[kind] = chosen.name;
      showOpened(Object.values(titles));
      refresh();
    });
  }
  pane.querySelector(".pds-close").addEventListener("click", () => {
    for (const kind in opened) {
      opened[kind] = "";
      delete titles[kind];
    }
    showOpened([]);
    refresh();
  });
  for (const button of pane.querySelectorAll("[data-save]")) {
    button.addEventListener("click", async () => {
      const answer = await saveAnswer(server.filter_file({ ...read(), kind: button.dataset.save }));
      if (answer.error) await showAnswer(pane, answer, {});
    });
  }

  // The arrow keys turn the surface as dragging does.
  const surface = pane.querySelector("[data-plot=surface]");
  surface.addEventListener("keydown", (event) => {
    const turn = { ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, 0.15], ArrowDown: [0, -0.15] }[event.key];
    const eye = surface._fullLayout?.scene?.camera.eye;
    if (!turn || !eye) return;
    event.preventDefault();
    const [around, above] = [Math.atan2(eye.y, eye.x) + turn[0], Math.atan2(eye.z, Math.hypot(eye.x, eye.y)) + turn[1]];
    const [far, high] = [Math.hypot(eye.x, eye.y, eye.z), Math.min(1.45, Math.max(-0.3, above))];
    const flat = far * Math.cos(high);
    const camera = { x: flat * Math.cos(around), y: flat * Math.sin(around), z: far * Math.sin(high) };
    relayout(surface, { "scene.camera.eye": camera });
  });
  follow();
}
