// The first step of the story: walks in the plane. The start, the step and M are handles in the picture;
// sliders and handles follow each other.

import { find } from "../../static/dom.js";
import { stencil } from "./canvas.js";
import { makeCross } from "./cross.js";
import { makeDensity } from "./density.js";
import { clamped, distance, rounded } from "./geometry.js";
import { makeHandles } from "./handles.js";
import { makePanel } from "./panel.js";
import { makePlayback } from "./playback.js";

/**
 * @import { Values } from "../../static/form.js"
 * @import { Cross } from "./cross.js"
 * @import { DensitySetup } from "./density.js"
 * @import { Point } from "./geometry.js"
 * @import { Panel } from "./panel.js"
 * @import { Context, Special } from "./step.js"
 * @import { Density, PanelAnswer, Shown } from "./walks.js"
 */

/**
 * @typedef {DensitySetup & {
 *   reach: Point,
 *   scale: number,
 *   question: Record<string, string | number>,
 *   question_steps: number,
 *   drawn: Density,
 * }} PlaneSetup reach: of the plane on both sides of 0; scale: of the walks in an answer; question: values
 *   of the controls; drawn: the density of the question
 *
 * @typedef {object} PlaneAnswer
 * @property {Density} drawn
 * @property {Record<"vanilla" | "M", PanelAnswer>} panels
 * @property {{ plane: string }} text
 *
 * @typedef {object} State what is shown, apart from the controls
 * @property {Point} start of the walks
 * @property {PlaneAnswer | null} answer the newest one
 * @property {Shown["drawn"]} drawn the density, with its picture as a mask
 */

const PANELS = /** @type {const} */ (["vanilla", "M"]);

/**
 * The question: whether it is open, whether its settings are shown, and the way back to them.
 * @param {HTMLElement} section
 * @param {PlaneSetup} setup
 * @param {Values} controls
 * @param {State} state
 */
function makeQuestion(section, { beginnings, question }, controls, state) {
  const { start } = beginnings.ellipse;
  const isOpen = () => section.dataset.state === "asking";
  return {
    isOpen,
    isShown() {
      if (isOpen()) return true;
      const values = controls.read();
      const same = Object.entries(question).every(([name, value]) => values[name] === value);
      return same && distance(state.start, start) < 0.005;
    },
    restore() {
      state.start = start;
      for (const [name, value] of Object.entries(question)) controls.write(name, value);
    },
  };
}

/**
 * The controls of the sampler: MALA takes no S.
 * @param {HTMLElement} section
 * @param {Values} controls
 */
function makeSampler(section, controls) {
  const isReversible = () => controls.read().sampler === "MALA";
  return {
    swirl: () => (isReversible() ? 0 : controls.read().swirl),
    show() {
      find(section, "[name=swirl]", HTMLInputElement).disabled = isReversible();
      find(section, ".pds-reason").hidden = !isReversible();
    },
  };
}

/**
 * The handles of both panels, which write the start, the controls and the cross.
 * @param {{ vanilla: Panel, withM: Panel }} panels
 * @param {{ setup: PlaneSetup, controls: Values, state: State, cross: Cross, change: () => void }} parts
 */
function connectHandles({ vanilla, withM }, { setup, controls, state, cross, change }) {
  const write = (/** @type {string} */ name, /** @type {number} */ value) => {
    controls.write(name, value);
    change();
  };
  return makeHandles({ vanilla, withM }, {
    reach: setup.reach,
    state() {
      const { length, power } = controls.read();
      return { start: state.start, guess: cross.at(), density: state.drawn?.about, length, power };
    },
    set: {
      start(point) {
        state.start = rounded(vanilla.plane.inside(point));
        change();
      },
      step: (length) => write("length", clamped(length, 0.001, 3)),
      power: (power) => write("power", clamped(Number(power.toFixed(2)), 0, 1)),
      guess: cross.move,
    },
  });
}

/**
 * @param {HTMLElement} section
 * @param {Context} context
 * @returns {Special}
 */
export function makePlane(section, { controls, refresh, setup: { plane: setup } }) {
  /** @type {State} */
  const state = { start: setup.beginnings.ellipse.start, answer: null, drawn: null };
  let acceptedStart = state.start; // of the newest answer
  const [vanilla, withM] = PANELS.map((name) => makePanel(section, name, setup.reach, redraw));
  const question = makeQuestion(section, setup, controls, state);
  const sampler = makeSampler(section, controls);
  const density = makeDensity(section, vanilla, setup, {
    onChoose({ start, step }) {
      state.start = start;
      controls.write("length", step);
    },
    onStroke: change,
    redraw,
  });
  const playback = makePlayback(section, { onMove: redraw, onStart: () => density.pen.turn(false) });
  const cross = makeCross(vanilla.plane.inside, {
    onMark: () => question.isOpen() && showQuestion(), // its walk
    onDisable: (isDisabled) => handles.disableCross(isDisabled),
    redraw,
  });
  const handles = connectHandles({ vanilla, withM }, { setup, controls, state, cross, change });

  function change() {
    redraw();
    refresh();
  }

  // Sets all controls to what the question asks about.
  function showQuestion() {
    question.restore();
    playback.write(setup.question_steps);
    density.rest();
  }

  function redraw() {
    if (!vanilla.plane.unit()) return;
    const [isAsking, isEmpty] = [question.isOpen(), density.isEmpty()];
    sampler.show();
    density.showControls(isAsking);
    handles.place();
    const drawn = isEmpty && !isAsking ? null : state.drawn;
    const shown = { drawn, start: state.start, length: controls.read().length, t: playback.read() };
    const answers = isAsking || isEmpty ? null : state.answer?.panels;
    const marks = question.isShown() ? cross.marks() : [];
    vanilla.draw({ ...shown, answer: answers?.vanilla ?? null, marks, pen: density.pen.on() ? density.pen : null });
    withM.draw({ ...shown, answer: answers?.M ?? null, marks: [], pen: null });
  }

  async function showDensity(/** @type {Density} */ about) {
    const { drawn } = state;
    const mask = drawn?.about.picture === about.picture ? drawn.mask : await stencil(about.picture);
    state.drawn = { about, mask };
    redraw();
  }

  section.addEventListener("input", redraw);
  matchMedia("print").addEventListener("change", redraw);
  new MutationObserver(() => {
    playback.halt();
    if (!question.isOpen()) return redraw();
    showQuestion();
    showDensity(setup.drawn);
  }).observe(section, { attributeFilter: ["data-state"] });
  showDensity(setup.drawn);

  return {
    guess: cross.input,
    values() {
      const drawing = density.points();
      return { start: state.start, swirl: sampler.swirl(), ...(drawing && { drawing }) };
    },
    ready: () => !density.isUndrawn(),
    async accept(/** @type {PlaneAnswer} */ answer) {
      state.answer = answer;
      acceptedStart = state.start;
      density.accept();
      const format = { scale: setup.scale, num_steps: playback.last };
      for (const panel of [vanilla, withM]) panel.takeWalks(answer.panels[panel.name], format, answer.text.plane);
      await showDensity(answer.drawn);
    },
    refuse() {
      density.refuse();
      state.start = acceptedStart;
      redraw();
    },
  };
}
