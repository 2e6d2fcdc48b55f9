// The tab "Filter": a model's filters or a sampler that is tuned to N, or those of a file's mask.

import { makeRequester, showAnswer } from "../../static/answers.js";
import { find, findAll } from "../../static/dom.js";
import { makeValues } from "../../static/form.js";
import { relayout } from "../../static/plots.js";
import { answered, asBase64, saveAnswer } from "../../static/server.js";
import { numberIn } from "../../static/slider.js";
import { onRequest } from "../../static/tabs.js";

/**
 * @import { Answer } from "../../static/answers.js"
 * @import { Figure } from "../../static/plots.js"
 * @import { Component, ServerFunction } from "../../static/server.js"
 */

/**
 * @typedef {object} Setup
 * @property {Record<string, object>} layouts of the figures
 * @property {{ name: string, title: string }[]} models
 * @property {string[]} channels
 * @property {{ num_steps: number }} limits
 *
 * What the comparison shows of its right side.
 * @typedef {{ model: string, alpha: number, way: string, num_steps: number }} Request
 */

const TURN = 0.15; // radians of an arrow key

/** Around and above, by key. @type {Record<string, [number, number]>} */
const TURNS = { ArrowLeft: [-TURN, 0], ArrowRight: [TURN, 0], ArrowUp: [0, TURN], ArrowDown: [0, -TURN] };

/** @param {Component<Setup>} component */
export function start({ element, props: { setup }, server }) {
  const pane = find(element, ".pds-pane");
  const { model, channel } = makeMenus(pane, setup);
  const controls = makeValues(pane, refresh);
  const numSteps = find(pane, "[name=num_steps]", HTMLInputElement);
  numSteps.max = String(setup.limits.num_steps);
  const masks = makeMasks(pane, server.open_filter, { complain: (answer) => showAnswer(pane, answer, {}), onChange: refresh });
  /** @returns {Record<string, any>} */
  const read = () => ({
    ...controls.read(),
    num_steps: numberIn(numSteps),
    channel: Number(channel.value),
    ...masks.opened(),
  });
  const request = makeRequester(
    (/** @type {object} */ values) => server.filter_view(values),
    (/** @type {Answer} */ answer) => {
      if (!answer.error) arrange(read().way, answer.plots);
      return showAnswer(pane, answer, setup.layouts);
    }
  );

  /**
   * Shows what belongs to a sampler, without the figures that an answer lacks.
   * @param {string} way
   * @param {Answer["plots"]} [plots]
   */
  function arrange(way, plots) {
    for (const node of findAll(pane, "[data-way]")) {
      const { plot, way: ways = "" } = node.dataset;
      node.hidden = !ways.split(" ").includes(way) || Boolean(plot && plots && !plots[plot]);
    }
  }

  function refresh() {
    const values = read();
    arrange(values.way);
    request(values);
  }

  function follow(/** @type {Request} */ { model: name, num_steps, alpha, way }) {
    if (![...model.options].some(({ value }) => value === name)) model.append(new Option("Your images", name));
    model.value = name;
    numSteps.value = String(num_steps);
    controls.write("alpha", alpha);
    find(pane, `[name=way][value="${way}"]`, HTMLInputElement).checked = true;
    refresh();
  }

  for (const button of findAll(pane, "[data-save]")) {
    button.addEventListener("click", async () => {
      const answer = await saveAnswer(server.filter_file({ ...read(), kind: button.dataset.save }));
      if (answer.error) await showAnswer(pane, answer, {});
    });
  }
  turnByKeys(/** @type {Figure} */ (find(pane, "[data-plot=surface]")));
  if (!onRequest("filter", follow)) refresh();
}

/**
 * @param {HTMLElement} pane
 * @param {Setup} setup
 */
function makeMenus(pane, { models, channels }) {
  const [model, channel] = ["model", "channel"].map((name) => find(pane, `select[name=${name}]`, HTMLSelectElement));
  model.append(...models.map(({ name, title }) => new Option(title, name)));
  channel.append(...channels.map((title, i) => new Option(title, String(i))));
  return { model, channel };
}

/**
 * The masks that the visitor has opened, which replace those of the model.
 * @param {HTMLElement} pane
 * @param {ServerFunction} open
 * @param {{ complain: (answer: Answer) => void, onChange: () => void }} events
 */
function makeMasks(pane, open, { complain, onChange }) {
  const line = find(pane, ".pds-opened");
  /** @type {Map<string, { mask: string, title: string }>} */
  const opened = new Map(); // by kind of filter

  function show() {
    line.hidden = !opened.size;
    find(line, "span").textContent = [...opened.values()].map(({ title }) => title).join(" and ");
    onChange();
  }

  async function read(/** @type {HTMLInputElement} */ input) {
    const file = input.files?.[0];
    if (!file) return;
    const { kind = "" } = input.dataset;
    const answer = await answered(open({ kind, content: await asBase64(file) }));
    input.value = "";
    if (answer.error) return complain(answer);
    opened.set(kind, { mask: answer.opened, title: file.name });
    show();
  }

  for (const input of findAll(pane, "input[type=file]", HTMLInputElement)) input.addEventListener("change", () => read(input));
  find(pane, ".pds-close").addEventListener("click", () => {
    opened.clear();
    show();
  });
  const name = (/** @type {string} */ kind) => opened.get(kind)?.mask ?? "";
  return { opened: () => ({ frequency: name("frequency"), space: name("space") }) };
}

/**
 * The arrow keys turn the surface as dragging does.
 * @param {Figure} surface
 */
function turnByKeys(surface) {
  surface.addEventListener("keydown", (event) => {
    const turn = TURNS[event.key];
    const eye = surface._fullLayout?.scene?.camera.eye;
    if (!turn || !eye) return;
    event.preventDefault();
    const [around, above] = [Math.atan2(eye.y, eye.x) + turn[0], Math.atan2(eye.z, Math.hypot(eye.x, eye.y)) + turn[1]];
    const [far, high] = [Math.hypot(eye.x, eye.y, eye.z), Math.min(1.45, Math.max(-0.3, above))];
    const flat = far * Math.cos(high);
    const camera = { x: flat * Math.cos(around), y: flat * Math.sin(around), z: far * Math.sin(high) };
    relayout(surface, { "scene.camera.eye": camera });
  });
}
