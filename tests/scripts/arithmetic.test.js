import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { digits, equations, meaning, paired, scaled, working } from "../../pds/web/tabs/compare/arithmetic.js";

describe("a number of the arithmetic", () => {
  test("has five digits", () => {
    assert.deepEqual([0.123456, 1234.56, -2, 0].map(digits), ["0.12346", "1,234.6", "−2", "0"]);
  });

  test("has an exponent where it is very large or small", () => {
    assert.deepEqual([1.25e-5, -3e7].map(digits), ["1.250 · 10⁻⁵", "−3.000 · 10⁷"]);
  });

  test("may be out of range", () => assert.equal(digits(null), "out of range"));
});

test("a picture says how it was scaled", () => {
  assert.deepEqual([1, 0.01, 2].map(scaled), ["shown as it is", "shown at 1/100", "shown at 2.0×"]);
});

test("a result means what its substep makes of it", () => {
  assert.equal(meaning("Corrector 1", "x_new"), "corrected x");
  assert.equal(meaning("Predictor", "x_new"), "next x");
  assert.equal(meaning("Heun", "x_new"), "result");
  assert.equal(meaning("Predictor", "s"), "score");
});

describe("the equations of a substep", () => {
  const text = (html) => html.replace(/<\/p>/g, "\n").replace(/<[^>]*>/g, "").trim().split("\n");
  const terms = [{ symbol: "e", image: "D s" }, { symbol: "sqrt(2 e)", image: "M z" }];

  test("add the noise to the mean", () => {
    assert.deepEqual(text(equations({ terms, images: { x_mean: {} } })), [
      "xmean = x + e (MM′ + S) s",
      "xnew = xmean + √(2e) M z",
    ]);
  });

  test("are one line without a mean", () => {
    assert.deepEqual(text(equations({ terms: [{ symbol: "-f", image: "d" }], images: {} })), ["xnew = x + −f d"]);
  });
});

describe("the check of the sum", () => {
  const check = (error) => working({ name: "", terms: [], numbers: { sigma: 2 }, images: {}, error }).replace(/<[^>]*>/g, "");

  test("says how near the terms come", () => {
    assert.equal(check(0), "σ = 2. The terms add up to xnew to the last bit.");
    assert.equal(check(1e-7), "σ = 2. The terms add up to xnew within 1.000 · 10⁻⁷ of its length.");
    assert.equal(check(null), "σ = 2. The sum is out of range.");
  });
});

test("like substeps of both sides stand together, in the order in which they end an iteration", () => {
  const substep = (title) => ({ title, equation: "x" });
  const sides = [[substep("Predictor")], [substep("Corrector"), substep("Predictor")]];
  const groups = paired({ sides }, [1, 0]);
  assert.deepEqual(
    groups.map((group) => group.map(({ side, chain, substep: { title } }) => [title, side, chain])),
    [[["Corrector", "vanilla", 1]], [["Predictor", "vanilla", 1], ["Predictor", "ours", 0]]]
  );
});
