// Names of samplers, as pds/arms/names.py has them: a kind, a strength behind a colon, an N behind @.

/**
 * @typedef {object} Request the settings of a comparison, as pds/request.py has them
 * @property {string} model
 * @property {number} num_steps
 * @property {number} num_images
 * @property {number} seed
 * @property {string} left
 * @property {string} right "" for the sampler that the fields below describe
 * @property {boolean} frequency
 * @property {boolean} space
 * @property {boolean} tuned
 * @property {number} alpha
 * @property {number | null} snr
 * @property {number | null} corrector_steps
 *
 * @typedef {{ name: string, title: string, strength: string }} Kind
 * @typedef {{ kind: string, strength: string | number, count: string | number }} Parts
 * @typedef {{ frequency: boolean, space: boolean }} Filters
 */

const NAME = /^([^:@/]+)(?::([^@/]+))?(?:@([0-9]+))?$/;

/**
 * A name in parts, "" for what it lacks; null for one that is no kind of the menus, such as a branch.
 * @param {string} name
 * @param {Map<string, Kind>} kinds
 * @returns {Parts | null}
 */
export function parsed(name, kinds) {
  const [, kind, strength = "", count = ""] = name.match(NAME) ?? [];
  return kinds.has(kind) ? { kind, strength, count } : null;
}

/**
 * The name of these parts.
 * @param {Parts} parts
 */
export function spelled({ kind, strength, count }) {
  return kind + (strength === "" ? "" : `:${strength}`) + (count === "" ? "" : `@${count}`);
}

/**
 * The samplers that fields of a request describe, with the switches of their filters.
 * @type {Map<string, Filters>}
 */
export const DESCRIBED = new Map([
  ["vanilla", { frequency: false, space: false }],
  ["pds", { frequency: true, space: false }],
  ["pds+space", { frequency: true, space: true }],
  ["space", { frequency: false, space: true }],
]);

/**
 * The sampler with these filters.
 * @param {Filters} filters
 */
export function kindOf({ frequency, space }) {
  const described = [...DESCRIBED].find(([, filters]) => filters.frequency === frequency && filters.space === space);
  return /** @type {[string, Filters]} */ (described)[0];
}

/**
 * The names of both samplers of a request, which may be older than the fields `left` and `right`.
 * @param {Partial<Pick<Request, "left" | "right" | "tuned">> & Filters & { alpha: number | string }} request
 */
export function namesOf(request) {
  const { left = "vanilla", right = "", tuned, alpha } = request;
  if (right) return [left, right];
  const kind = kindOf(request);
  return [left, tuned ? "tuned" : kind === "vanilla" ? kind : `${kind}:${alpha}`];
}

/**
 * A name with its N; that of a branch says its own.
 * @param {string} name
 * @param {string | number} n
 */
export function withCount(name, n) {
  return /[@/]/.test(name) ? name : `${name}@${n}`;
}

/**
 * A name as the headings show it.
 * @param {string} name
 * @param {Map<string, Kind>} kinds
 */
export function inWords(name, kinds) {
  const parts = parsed(name, kinds);
  if (!parts) return name;
  const { title, strength } = /** @type {Kind} */ (kinds.get(parts.kind));
  const words = [title, parts.strength && `${strength} ${parts.strength}`, parts.count && `N = ${parts.count}`];
  return words.filter(Boolean).join(", ");
}

/**
 * A branch in parts: the sampler it begins with, for how many steps, and the one that goes on.
 * @param {string} name
 */
export function branched(name) {
  const [, first, after, then] = name.match(/^(.+)\/([0-9]+)\/([^/]+)$/) ?? [];
  return then ? { first, after: Number(after), then } : null;
}

/**
 * Steps of each iteration of N: two of Euler's.
 * @param {string} name
 */
export function stepsEach(name) {
  return (branched(name)?.then ?? name).startsWith("ode-euler") ? 2 : 1;
}

/**
 * Steps of a sampler where others take n iterations: as many as its run shows.
 * @param {string} name
 * @param {number} n
 * @returns {number}
 */
export function stepsOf(name, n) {
  const branch = branched(name);
  if (!branch) return stepsEach(name) * ownCount(name, n);
  return branch.after + stepsEach(name) * ownCount(name, remaining(branch, n));
}

/**
 * Iterations that the first sampler of a branch had left.
 * @param {{ first: string, after: number }} branch
 * @param {number} n
 */
function remaining({ first, after }, n) {
  return (stepsOf(first, n) - after) / stepsEach(first);
}

/**
 * The N behind the last @ of a name; of a branch it is that of the sampler that goes on.
 * @param {string} name
 * @param {number} otherwise
 */
function ownCount(name, otherwise) {
  return Number(name.match(/@([0-9]+)$/)?.[1] ?? otherwise);
}

/**
 * Iterations of a sampler where others take n: its own, and of a branch those of both parts.
 * @param {string} name
 * @param {number} n
 */
export function iterations(name, n) {
  return branched(name) ? stepsOf(name, n) : ownCount(name, n);
}

/**
 * Network calls of n iterations of an ODE solver, and the n of so many calls.
 * @type {Record<string, { calls(n: number): number, count(calls: number): number } | undefined>}
 */
const FLOWS = {
  "ode-heun": { calls: (n) => 2 * n - 1, count: (calls) => (calls + 1) / 2 },
  "ode-euler": { calls: (n) => 2 * n, count: (calls) => calls / 2 },
};

/**
 * Network calls of a sampler where others take n iterations.
 * @param {string} name
 * @param {number} n
 * @param {number} each network calls of an iteration of predictor and correctors
 * @returns {number}
 */
export function callsOf(name, n, each) {
  const branch = branched(name);
  if (branch) {
    const { first, after, then } = branch;
    const replayed = (after * callsOf(first, n, each)) / stepsOf(first, n);
    return replayed + callsOf(then, ownCount(name, remaining(branch, n)), each);
  }
  const flow = FLOWS[name.split("@")[0]];
  return flow ? flow.calls(iterations(name, n)) : each * iterations(name, n);
}

/**
 * The number of iterations whose network calls are the nearest to these.
 * @param {string} kind
 * @param {number} calls
 * @param {number} each network calls of an iteration of predictor and correctors
 */
export function countFor(kind, calls, each) {
  const count = FLOWS[kind]?.count(calls) ?? calls / each;
  return Math.max(1, Math.ceil(count - 0.5)); // of two that are as near, the one with fewer calls
}
