import assert from "node:assert/strict";
import { describe, test } from "node:test";

import {
  callsPerIteration, complete, evenly, isOver, merged, reached, span, thinned,
} from "../../pds/web/tabs/compare/moments.js";

const HEADER = { lengths: [10, 5], nfes: [20, 9] };
const at = (...iterations) => ({ iterations });
const moments = (...calls) => calls.map((nfe) => ({ numbers: { nfe } }));
const callsIn = (some) => some.map(({ numbers }) => numbers.nfe);

describe("how far a run is", () => {
  test("is one number where both sides are equally far", () => {
    assert.equal(reached({ lengths: [10, 10] }, at(3, 3)), "iteration 3 of 10");
  });

  test("is a number for each side, in the order on screen", () => {
    assert.equal(reached(HEADER, at(3, 5)), "left 3 of 10, right done at 5");
    assert.equal(reached(HEADER, at(3, 5), [1, 0]), "left done at 5, right 3 of 10");
  });

  test("is the end once both sides are done", () => {
    assert.deepEqual([isOver(HEADER, at(10, 5)), isOver(HEADER, at(3, 5))], [true, false]);
  });

  test("runs from the calls of one iteration to all of them", () => {
    assert.deepEqual(callsPerIteration(HEADER), [2, 2]);
    assert.deepEqual(span(HEADER), [2, 20]);
  });
});

test("an old message counts its iterations for both sides", () => {
  const { labels, lengths, steps } = complete({ request: { num_steps: 4 }, steps: [{ iteration: 4, nfe: 8 }] });
  assert.deepEqual([labels, lengths], [["vanilla", "PDS"], [4, 4]]);
  assert.deepEqual([steps[0].iterations, steps[0].calls, steps[0].noise_ratio], [[4, 4], [8, 8], [null, null]]);
});

describe("the moments that are held", () => {
  test("are all of them while there is room", () => {
    assert.deepEqual(callsIn(thinned(moments(2, 4, 6), 3)), [2, 4, 6]);
  });

  test("are every second one after that, with the newest", () => {
    assert.deepEqual(callsIn(thinned(moments(2, 4, 6, 8, 10), 4)), [2, 6, 10]);
    assert.deepEqual(callsIn(thinned(moments(2, 4, 6, 8), 3)), [4, 8]);
  });

  test("are at even distances, with the last one, as many as there may be", () => {
    assert.deepEqual(callsIn(evenly(moments(1, 2, 3, 4, 5, 6, 7), 3)), [1, 4, 7]);
    assert.deepEqual(callsIn(evenly(moments(1, 2, 3), 0)), [3]);
  });

  test("are replaced by the kept ones of the same step, in order", () => {
    const kept = [{ numbers: { nfe: 4 }, row: 0 }, { numbers: { nfe: 8 }, row: 1 }];
    const both = merged(moments(2, 4, 6), kept);
    assert.deepEqual(callsIn(both), [2, 4, 6, 8]);
    assert.equal(both[1], kept[0]);
  });
});
