import assert from "node:assert/strict";
import { describe, test } from "node:test";

import {
  branched, callsOf, countFor, inWords, iterations, kindOf, namesOf, parsed, spelled, stepsOf, withCount,
} from "../../pds/web/tabs/compare/names.js";

const KINDS = new Map([
  ["vanilla", { title: "vanilla", strength: "" }],
  ["pds", { title: "PDS", strength: "alpha" }],
  ["scalar", { title: "constant gain", strength: "constant" }],
]);
const EACH = 2; // network calls of an iteration of a predictor and one corrector

describe("a name", () => {
  for (const name of ["vanilla", "pds:5", "vanilla@20", "scalar:1.2@7"]) {
    test(`is spelled as it was parsed: ${name}`, () => assert.equal(spelled(parsed(name, KINDS)), name));
  }

  test("of another kind, or of a branch, has no parts", () => {
    assert.equal(parsed("other", KINDS), null);
    assert.equal(parsed("vanilla/3/pds:5", KINDS), null);
  });

  test("is shown in words", () => {
    assert.equal(inWords("pds:5@20", KINDS), "PDS, alpha 5, N = 20");
    assert.equal(inWords("vanilla/3/pds:5", KINDS), "vanilla/3/pds:5");
  });

  test("has the N of the settings unless it has its own", () => {
    assert.equal(withCount("pds:5", 20), "pds:5@20");
    assert.equal(withCount("pds:5@7", 20), "pds:5@7");
    assert.equal(withCount("vanilla/3/pds:5", 20), "vanilla/3/pds:5");
  });
});

describe("the samplers of a request", () => {
  const request = { left: "vanilla", right: "", frequency: true, space: false, alpha: 5, tuned: false };

  test("are described by its fields", () => {
    assert.deepEqual(namesOf(request), ["vanilla", "pds:5"]);
    assert.deepEqual(namesOf({ ...request, frequency: false }), ["vanilla", "vanilla"]);
    assert.deepEqual(namesOf({ ...request, tuned: true }), ["vanilla", "tuned"]);
  });

  test("are those that it names", () => {
    assert.deepEqual(namesOf({ ...request, right: "ode-heun" }), ["vanilla", "ode-heun"]);
  });

  test("follow from the switches of both filters", () => {
    const kinds = [[false, false], [true, false], [true, true], [false, true]];
    const names = kinds.map(([frequency, space]) => kindOf({ frequency, space }));
    assert.deepEqual(names, ["vanilla", "pds", "pds+space", "space"]);
  });
});

describe("network calls", () => {
  test("are counted by iteration, or by the order of an ODE solver", () => {
    assert.deepEqual(["pds:5", "ode-heun", "ode-euler"].map((name) => callsOf(name, 10, EACH)), [20, 19, 20]);
  });

  test("follow the sampler's own N", () => assert.equal(callsOf("vanilla@7", 10, EACH), 14));

  test("of a branch are those of both parts", () => {
    assert.equal(callsOf("vanilla/3/ode-heun", 10, EACH), 3 * EACH + 2 * 7 - 1);
  });

  test("lead back to the number of iterations", () => {
    for (const kind of ["vanilla", "ode-heun", "ode-euler"]) {
      for (const n of [1, 2, 66]) assert.equal(countFor(kind, callsOf(kind, n, EACH), EACH), n);
    }
  });

  test("between two numbers of iterations lead to the fewer", () => {
    assert.equal(countFor("vanilla", 11, EACH), 5);
    assert.equal(countFor("vanilla", 1, EACH), 1);
  });
});

describe("a branch", () => {
  test("goes on from another sampler, which may be a branch itself", () => {
    assert.deepEqual(branched("vanilla/3/pds:5@4"), { first: "vanilla", after: 3, then: "pds:5@4" });
    assert.deepEqual(branched("vanilla/3/pds:5/6/tuned"), { first: "vanilla/3/pds:5", after: 6, then: "tuned" });
    assert.equal(branched("pds:5"), null);
  });

  test("takes what the first sampler had left, unless it has its own N", () => {
    assert.equal(iterations("vanilla/3/pds:5", 10), 10);
    assert.equal(iterations("vanilla/3/pds:5@4", 10), 7);
  });

  test("of Euler's method counts its half steps", () => {
    assert.equal(stepsOf("ode-euler", 10), 20);
    assert.equal(stepsOf("ode-euler/4/vanilla@5", 10), 9);
  });
});
