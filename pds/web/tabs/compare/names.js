// Names of samplers, as pds/arms/names.py has them: a kind, a strength behind a colon, an N behind @.

const NAME = /^([^:@/]+)(?::([^@/]+))?(?:@([0-9]+))?$/;

// A name in parts, "" for what it lacks; null for one that is no kind of the menus, such as a branch.
function parsed(name, kinds) {
  const [, kind, strength = "", count = ""] = name.match(NAME) ?? [];
  return kinds.has(kind) ? { kind, strength, count } : null;
}

function spelled({ kind, strength, count }) {
  return kind + (strength === "" ? "" : `:${strength}`) + (count === "" ? "" : `@${count}`);
}

// The samplers that fields of a request describe, with the switches of their filters.
const DESCRIBED = new Map([
  ["vanilla", { frequency: false, space: false }],
  ["pds", { frequency: true, space: false }],
  ["pds+space", { frequency: true, space: true }],
  ["space", { frequency: false, space: true }],
]);

function kindOf({ frequency, space }) {
  return [...DESCRIBED].find(([, filters]) => filters.frequency === frequency && filters.space === space)[0];
}

// The names of both samplers of a request.
function namesOf(request) {
  const { left, right, tuned, alpha } = request;
  if (right) return [left, right];
  const kind = kindOf(request);
  return [left, tuned ? "tuned" : kind === "vanilla" ? kind : `${kind}:${alpha}`];
}

// A name with its N; that of a branch says its own.
function withCount(name, n) {
  return /[@/]/.test(name) ? name : `${name}@${n}`;
}

// A name as the headings show it.
function inWords(name, kinds) {
  const parts = parsed(name, kinds);
  if (!parts) return name;
  const { title, strength } = kinds.get(parts.kind);
  const words = [title, parts.strength && `${strength} ${parts.strength}`, parts.count && `N = ${parts.count}`];
  return words.filter(Boolean).join(", ");
}

// Iterations of a sampler where others take n: its own, and of a branch those of both parts.
function iterations(name, n) {
  const [first, done, then] = name.split("/");
  const own = (part) => Number(part.match(/@([0-9]+)$/)?.[1] ?? NaN);
  const whole = own(first) || n;
  return then ? Number(done) + (own(then) || whole - done) : whole;
}

// Network calls of n iterations, and the n whose calls are the nearest ones; `each` is of an iteration
// of predictor and correctors.
const FLOWS = {
  "ode-heun": { calls: (n) => 2 * n - 1, count: (calls) => (calls + 1) / 2 },
  "ode-euler": { calls: (n) => 2 * n, count: (calls) => calls / 2 },
};

function callsOf(name, n, each) {
  const flow = FLOWS[name.split("@")[0]];
  return flow ? flow.calls(iterations(name, n)) : each * iterations(name, n);
}

function countFor(kind, calls, each) {
  const count = FLOWS[kind]?.count(calls) ?? calls / each;
  return Math.max(1, Math.ceil(count - 0.5)); // of two that are as near, the one with fewer calls
}
