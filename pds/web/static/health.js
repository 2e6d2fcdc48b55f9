// Whether the server is there, and why it took no run or lost one.

import { duration } from "./format.js";

const GONE = "The server does not answer; it may be starting again. Your settings stay: press the button again in a moment.";
const LOST = "The server was started again and this run is lost. Your settings stay: press the button again.";
const EVERY = 1500; // milliseconds between two looks during a run

export async function health() {
  try {
    const answer = await fetch("healthz", { cache: "no-store", signal: AbortSignal.timeout(4000) });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

export async function whyNot() {
  const state = await health();
  if (!state) return GONE;
  if (state.room > 0) return "The server could not finish this run. Try again, or with other settings.";
  const wait = state.wait === null ? "a minute" : `about ${duration(Math.max(1, state.wait))}`;
  return `The queue is full: ${state.runs} runs are under way and ${state.waiting} wait. Try again in ${wait}.`;
}

/**
 * While a run is under way, asks its server every moment how it is.
 * @param {() => string | null} underWay the name of the run
 * @param {(sentence: string) => void} lost called when the server, and the run with it, is gone
 * @param {(state: any) => void} [told] called with each answer
 */
export function watchServer(underWay, lost, told = () => {}) {
  let run = null;
  let start = null; // when the server started, to within the way of its answer
  let misses = 0;
  setInterval(async () => {
    if (underWay() !== run) [run, start, misses] = [underWay(), null, 0];
    if (run === null) return;
    const [mine, state] = [run, await health()];
    if (underWay() !== mine) return;
    misses = state ? 0 : misses + 1;
    const now = state && Date.now() / 1000 - state.uptime;
    if (misses >= 2) lost(GONE);
    else if (state && start !== null && now > start + 2) lost(LOST);
    start ??= now;
    if (state) told(state);
  }, EVERY);
}
