// A run of the page, as a state machine: `next` is pure, `makeRun` performs what it says.
//
//     idle -> starting -> waiting -> running -> idle
//
// A run starts, may wait for a place in the queue, runs from its first message on, and ends with its
// last message, an error, Stop, or the loss of the server. Compare, its part "Inside an iteration" and
// any other tab that samples (see ladder.js) follow their runs with it.

import { watchServer, whyNot } from "./health.js";

const PATIENCE = 2000; // milliseconds without a message after which a run is said to wait
const AFTER_STOP = 3000; // milliseconds within which gradio reports the end of a stopped run

/**
 * @typedef {object} State
 * @property {"idle" | "starting" | "waiting" | "running"} phase
 * @property {string | null} run name of the run, null while idle
 * @property {number} place in the queue, at most; Infinity until it is known
 * @property {number} stoppedAt milliseconds at which a run was last stopped
 *
 * @typedef {{ run?: string | null, kind?: string, sentence?: string }} Message
 *
 * @typedef {(
 *   | { type: "start", run: string, request: object }
 *   | { type: "patience", run: string }
 *   | { type: "queued", waiting: number, wait: number | null }
 *   | { type: "message", message: Message }
 *   | { type: "end" }
 *   | { type: "stop", now: number }
 *   | { type: "failure", run: string, stopped: boolean, sentence: string }
 *   | { type: "lost", sentence: string }
 * )} Event
 *
 * @typedef {(
 *   | { do: "start", run: string, request: object }
 *   | { do: "wait", place: number, seconds: number | null }
 *   | { do: "show", message: any }
 *   | { do: "stop" }
 *   | { do: "fail", sentence: string }
 * )} Action
 */

/** @type {State} */
export const IDLE = { phase: "idle", run: null, place: 0, stoppedAt: -Infinity };

/**
 * The state after an event, and what to do then.
 * @param {State} state
 * @param {Event} event
 * @returns {{ state: State, action?: Action }}
 */
export function next(state, event) {
  /** @type {State} */
  const idle = { ...IDLE, stoppedAt: state.stoppedAt };
  if (event.type === "message") return received(state, event.message);
  if (event.type === "start") {
    const { run, request } = event;
    if (state.run !== null) return { state };
    return { state: { ...state, phase: "starting", run, place: Infinity }, action: { do: "start", run, request } };
  }
  if (state.run === null) return { state };
  switch (event.type) {
    case "patience":
      if (event.run !== state.run || state.phase !== "starting") return { state };
      return { state, action: { do: "wait", place: 0, seconds: null } };
    case "queued":
      return queued(state, event);
    case "stop":
      return { state: { ...idle, stoppedAt: event.now }, action: { do: "stop" } };
    case "failure":
      // A stopped run fails without its name, maybe after the next one has begun: a run that sends
      // messages has not failed.
      if (event.run !== state.run || (event.stopped && state.phase === "running")) return { state };
      return { state: idle, action: { do: "fail", sentence: event.sentence } };
    case "lost":
      return { state: idle, action: { do: "fail", sentence: event.sentence } };
    case "end":
      return { state: idle };
  }
}

/**
 * A message, which counts if it is of the current run; while idle it is that of a recorded run.
 * @param {State} state
 * @param {Message} message
 * @returns {{ state: State, action?: Action }}
 */
function received(state, message) {
  if ((message.run ?? null) !== state.run) return { state };
  if (message.kind === "error") {
    return { state: { ...IDLE, stoppedAt: state.stoppedAt }, action: { do: "fail", sentence: message.sentence ?? "" } };
  }
  if (state.run === null) return { state, action: { do: "show", message } };
  return { state: { ...state, phase: "running", place: 0 }, action: { do: "show", message } };
}

/**
 * The queue is served in order, so that a place in it only becomes better.
 * @param {State} state
 * @param {{ waiting: number, wait: number | null }} queue
 * @returns {{ state: State, action?: Action }}
 */
function queued(state, { waiting, wait }) {
  const place = Math.min(state.place, waiting);
  if (place < 1) return { state: { ...state, place } };
  return { state: { ...state, phase: "waiting", place }, action: { do: "wait", place, seconds: wait } };
}

/**
 * Whether gradio may still report the end of a stopped run.
 * @param {State} state
 * @param {number} now milliseconds
 */
export function afterStop(state, now) {
  return now - state.stoppedAt < AFTER_STOP;
}

/** @param {number} milliseconds */
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * Follows the runs of one element.
 * @param {HTMLElement} root whose event "failure" says that a run ended without a message
 * @param {object} actions
 * @param {(request: object & { run: string }) => void} actions.start requests the run from the server
 * @param {(message: any) => void} actions.show
 * @param {() => void} [actions.stop]
 * @param {(sentence: string) => void} actions.fail
 * @param {(place: number, seconds: number | null) => void} [actions.wait] says that the run waits; its
 *   place is 0 if it is not known
 * @param {string} [prefix] of the names of the runs
 */
export function makeRun(root, { start, show, fail, stop = () => {}, wait = () => {} }, prefix = "") {
  let state = IDLE;

  function send(/** @type {Event} */ event) {
    const { state: following, action } = next(state, event);
    state = following;
    if (action?.do === "start") start({ ...action.request, run: action.run });
    else if (action?.do === "wait") wait(action.place, action.seconds);
    else if (action?.do === "show") show(action.message);
    else if (action?.do === "stop") stop();
    else if (action?.do === "fail") fail(action.sentence);
  }

  root.addEventListener("failure", async () => {
    const { run } = state;
    if (run === null) return;
    const stopped = afterStop(state, performance.now());
    const sentence = await whyNot();
    if (stopped) await pause(AFTER_STOP);
    send({ type: "failure", run, stopped, sentence });
  });
  watchServer(
    () => state.run,
    (sentence) => send({ type: "lost", sentence }),
    (queue) => send({ type: "queued", ...queue })
  );

  return {
    current: () => state.run,
    isCurrent: (/** @type {Message} */ message) => (message.run ?? null) === state.run,
    accept: (/** @type {Message} */ message) => send({ type: "message", message }),
    end: () => send({ type: "end" }),
    stop: () => send({ type: "stop", now: performance.now() }),
    start(/** @type {object} */ request) {
      const run = prefix + Math.random().toString(36).slice(2);
      send({ type: "start", run, request });
      setTimeout(() => send({ type: "patience", run }), PATIENCE);
    },
  };
}
