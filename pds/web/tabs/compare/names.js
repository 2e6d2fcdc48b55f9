// Names of samplers, as pds/arms/names.py has them: a kind, a strength behind a colon, an N behind @.

const NAME = /^([^:@/]+)(?::([^@/]+))?(?:@([0-9]+))?$/;

// A name in parts, "" for what it lacks; null for one that is no kind of the menus, such as a branch.
export function parsed(name, kinds) {
  const [, kind, strength = "", count = ""] = name.match(NAME) ?? [];
  return kinds.has(kind) ? { kind, strength, count } : null;
}

export function spelled({ kind, strength, count }) {
  return kind + (strength === "" ? "" : `:${strength}`) + (count === "" ? "" : `@${count}`);
}

// The samplers that fields of a request describe, with the switches of their filters.
export const DESCRIBED = new Map([
  ["vanilla", { frequency: false, space: false }],
  ["pds", { frequency: true, space: false }],
  ["pds+space", { frequency: true, space: true }],
  ["space", { frequency: false, space: true }],
]);

export function kindOf({ frequency, space }) {
  return [...DESCRIBED].find(([, filters]) => filters.frequency === frequency && filters.space === space)[0];
}

// The names of both samplers of a request.
export function namesOf(request) {
  const { left, right, tuned, alpha } = request;
  if (right) return [left, right];
  const kind = kindOf(request);
  return [left, tuned ? "tuned" : kind === "vanilla" ? kind : `${kind}:${alpha}`];
}

// A name with its N; that of a branch says its own.
export function withCount(name, n) {
  return /[@/]/.test(name) ? name : `${name}@${n}`;
}

// A name as the headings show it.
export function inWords(name, kinds) {
  const parts = parsed(name, kinds);
  if (!parts) return name;
  const { title, strength } = kinds.get(parts.kind);
  const words = [title, parts.strength && `${strength} ${parts.strength}`, parts.count && `N = ${parts.count}`];
  return words.filter(Boolean).join(", ");
}

// A branch in parts: the sampler it begins with, for how many steps, and the one that goes on.
export function branched(name) {
  const [, first, after, then] = name.match(/^(.+)\/([0-9]+)\/([^/]+)$/) ?? [];
  return then ? { first, after: Number(after), then } : null;
}

// Steps of each iteration of N: two of Euler's.
export function stepsEach(name) {
  return (branched(name)?.then ?? name).startsWith("ode-euler") ? 2 : 1;
}

// Steps of a sampler where others take n iterations: as many as its run shows.
export function stepsOf(name, n) {
  const { first, after } = branched(name) ?? {};
  return (after ?? 0) + stepsEach(name) * ownCount(name, first ? (stepsOf(first, n) - after) / stepsEach(first) : n);
}

// The N behind the last @ of a name; of a branch it is that of the sampler that goes on.
function ownCount(name, otherwise) {
  return Number(name.match(/@([0-9]+)$/)?.[1] ?? otherwise);
}

// Iterations of a sampler where others take n: its own, and of a branch those of both parts.
export function iterations(name, n) {
  return branched(name) ? stepsOf(name, n) : ownCount(name, n);
}

// Network calls of n iterations, and the n whose calls are the nearest ones; `each` is of an iteration
// of predictor and correctors.
const FLOWS = {
  "ode-heun": { calls: (n) => 2 * n - 1, count: (calls) => (calls + 1) / 2 },
  "ode-euler": { calls: (n) => 2 * n, count: (calls) => calls / 2 },
};

export function callsOf(name, n, each) {
  const branch = branched(name);
  if (branch) {
    const { first, after, then } = branch;
    const left = ownCount(name, (stepsOf(first, n) - after) / stepsEach(first));
    return after * callsOf(first, n, each) / stepsOf(first, n) + callsOf(then, left, each);
  }
  const flow = FLOWS[name.split("@")[0]];
  return flow ? flow.calls(iterations(name, n)) : each * iterations(name, n);
}

export function countFor(kind, calls, each) {
  const count = FLOWS[kind]?.count(calls) ?? calls / each;
  return Math.max(1, Math.ceil(count - 0.5)); // of two that are as near, the one with fewer calls
}
