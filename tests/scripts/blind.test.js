import assert from "node:assert/strict";
import { test } from "node:test";

import { byGuessing, score } from "../../pds/web/tabs/compare/blind.js";

for (const [correct, count, probability] of [[3, 3, 1 / 8], [2, 4, 11 / 16], [0, 5, 1], [9, 10, 11 / 1024]]) {
  test(`${correct} of ${count} guesses are right with the binomial probability`, () => {
    assert.ok(Math.abs(byGuessing(correct, count) - probability) < 1e-12); // sums of powers of two
  });
}

test("the probability by chance is shown from a few guesses on", () => {
  const right = { n: 25, correct: true };
  const guesses = [{ n: 66, correct: false }, right, right, right];
  const scores = [3, 4].map((count) => score(guesses.slice(0, count)));
  assert.deepEqual(scores, [
    "N = 66: 0 of 1; N = 25: 2 of 2.",
    "N = 66: 0 of 1; N = 25: 3 of 3. Guessing at random does as well or better with a probability of 13 %.",
  ]);
});
