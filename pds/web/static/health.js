// The state of the server, and why a run was refused or lost.

import { duration } from "./format.js";

const GONE = "The server does not answer; it may be restarting. Your settings are kept: press the button again in a moment.";
const LOST = "The server has restarted and this run is lost. Your settings are kept: press the button again.";
const PERIOD = 1500; // milliseconds between two requests during a run

/**
 * What /healthz answers.
 * @typedef {object} Health
 * @property {number} uptime seconds
 * @property {number} room for further runs
 * @property {number} runs under way
 * @property {number} waiting runs in the queue
 * @property {number | null} wait seconds in the queue, null if unknown
 */

/** The state of the server, null if it does not answer. @returns {Promise<Health | null>} */
export async function health() {
  try {
    const answer = await fetch("healthz", { cache: "no-store", signal: AbortSignal.timeout(4000) });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

/** Why the server took no run, as a sentence. */
export async function whyNot() {
  const state = await health();
  if (!state) return GONE;
  if (state.room > 0) return "The server could not finish this run. Try again, or with other settings.";
  const wait = state.wait === null ? "a minute" : `about ${duration(Math.max(1, state.wait))}`;
  return `The queue is full: ${state.runs} runs are under way and ${state.waiting} wait. Try again in ${wait}.`;
}

/**
 * Watches the server while a run is under way.
 * @param {() => string | null} current returns the name of the run, null without one
 * @param {(sentence: string) => void} onLost called when the run is lost
 * @param {(state: Health) => void} [onState] called with each answer
 */
export function watchServer(current, onLost, onState = () => {}) {
  /** @type {string | null} */
  let run = null;
  /** When the server started, in seconds, to within the time of its answer. @type {number | null} */
  let start = null;
  let misses = 0;
  setInterval(async () => {
    if (current() !== run) [run, start, misses] = [current(), null, 0];
    if (run === null) return;
    const [watched, state] = [run, await health()];
    if (current() !== watched) return;
    misses = state ? 0 : misses + 1;
    const now = state && Date.now() / 1000 - state.uptime;
    if (misses >= 2) onLost(GONE);
    else if (now !== null && start !== null && now > start + 2) onLost(LOST);
    start ??= now;
    if (state) onState(state);
  }, PERIOD);
}
