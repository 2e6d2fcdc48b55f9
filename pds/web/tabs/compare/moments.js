// Where a run is, counted in iterations and in network calls of both samplers.

/**
 * One value of each sampler, the left and the right one of a request.
 * @template T
 * @typedef {[T, T]} Both
 */

/**
 * @typedef {import("./names.js").Request} Request
 *
 * @typedef {object} Step numbers of both samplers at one moment; null is out of range
 * @property {number} nfe network calls of the sampler that has more of them
 * @property {Both<number>} iterations
 * @property {Both<number>} calls
 * @property {number} seconds of an iteration of both
 * @property {Both<number | null>} sigma
 * @property {Both<number | null>} noise_ratio
 * @property {Both<number | null>} left power in fine detail relative to the data
 * @property {Record<"pixels" | "network" | "data", Both<number | null>>} grain
 * @property {Record<"network" | "data", Both<number | null>>} contrast
 * @property {number[][]} power radial spectra
 * @property {number[][]} theory the same by the exact recursion, empty without one
 *
 * @typedef {object} Header a message of a run without its pictures
 * @property {string} kind "frame", or "done" for the last one
 * @property {Request} request
 * @property {Both<string>} labels
 * @property {Both<number>} lengths iterations
 * @property {Both<number>} nfes network calls of the whole run
 * @property {string} own whose grain 1 is, "" if it was not measured
 * @property {number} width
 * @property {number} height
 * @property {number[]} radii
 * @property {number[]} data
 * @property {number[]} network
 * @property {Step[]} steps
 *
 * @typedef {Header & { run?: string | null, png: string, together?: number, verdict: string, measured: string }} Message
 *
 * @typedef {{ numbers: Step, sheet: ImageBitmap, row: number }} Moment
 */

/**
 * A message with all its fields: the run of the first paint is older than some of them.
 * @param {any} message
 * @returns {Message}
 */
export function complete(message) {
  const { request, steps } = message;
  const [N, calls] = [request.num_steps, steps.at(-1).nfe];
  const twice = (/** @type {number | null} */ value) => [value, value];
  return {
    labels: ["vanilla", "PDS"],
    lengths: twice(N),
    nfes: twice(calls),
    ...message,
    steps: steps.map((/** @type {any} */ step) => ({
      iterations: twice(step.iteration),
      calls: twice(step.nfe),
      noise_ratio: twice(null),
      ...step,
    })),
  };
}

/**
 * Network calls of an iteration of each sampler.
 * @param {Pick<Header, "nfes" | "lengths">} header
 */
export function callsPerIteration({ nfes, lengths }) {
  return nfes.map((calls, chain) => Math.ceil(calls / lengths[chain]));
}

/**
 * The sum over both samplers.
 * @param {readonly number[]} values
 */
export function sum([one, other]) {
  return one + other;
}

/**
 * Network calls at the first and at the last step of a run, of the sampler that has more of them.
 * @param {Pick<Header, "nfes" | "lengths">} header
 * @returns {[number, number]}
 */
export function span(header) {
  return [Math.max(...callsPerIteration(header)), Math.max(...header.nfes)];
}

/**
 * Whether both samplers are done.
 * @param {Pick<Header, "lengths">} header
 * @param {Pick<Step, "iterations">} step
 */
export function isOver({ lengths }, { iterations }) {
  return iterations.every((iteration, chain) => iteration === lengths[chain]);
}

/**
 * How far a run is, in words: one iteration where both samplers are equally far, else that of each side.
 * @param {Pick<Header, "lengths">} header
 * @param {Pick<Step, "iterations">} step
 * @param {readonly number[]} order the sampler that each side shows
 */
export function reached({ lengths }, { iterations }, order = [0, 1]) {
  const [one, other] = iterations;
  if (one === other && lengths[0] === lengths[1]) return `iteration ${one} of ${lengths[0]}`;
  const sides = order.map((chain, side) => {
    const done = iterations[chain] === lengths[chain];
    return `${side ? "right" : "left"} ${done ? "done at" : `${iterations[chain]} of`} ${lengths[chain]}`;
  });
  return sides.join(", ");
}

/**
 * Every second moment, the last one among them, where there are more than `room`.
 * @param {Moment[]} moments
 * @param {number} room
 */
export function thinned(moments, room) {
  return moments.length > room ? moments.filter((_, i) => (moments.length - 1 - i) % 2 === 0) : moments;
}

/**
 * At most `most` moments at even distances, the last one among them.
 * @param {Moment[]} moments
 * @param {number} most
 */
export function evenly(moments, most) {
  const every = Math.ceil(moments.length / Math.max(1, most));
  return moments.filter((_, i) => (moments.length - 1 - i) % every === 0);
}

/**
 * Live moments and those of a run's last message, which replace the live ones of the same step.
 * @param {Moment[]} live
 * @param {Moment[]} kept
 */
export function merged(live, kept) {
  const moments = new Map([...live, ...kept].map((moment) => /** @type {const} */ ([moment.numbers.nfe, moment])));
  return [...moments.values()].sort((one, other) => one.numbers.nfe - other.numbers.nfe);
}
