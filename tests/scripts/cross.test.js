import assert from "node:assert/strict";
import { test } from "node:test";

import { makeCross } from "../../pds/web/tabs/story/cross.js";

const REACH = 3;
const inside = ([x, y]) => [Math.min(REACH, x), y];

function cross() {
  const calls = [];
  const log = (name) => () => calls.push(name);
  return { calls, ...makeCross(inside, { onMark: log("mark"), onDisable: log("disable"), redraw: log("redraw") }) };
}

test("a cross that was not moved is no guess", () => {
  const { input, at, move } = cross();
  assert.equal(input.read(), null);
  move([0.5, 1]);
  assert.deepEqual(input.read(), [0.5, 1]);
  assert.deepEqual(at(), [0.5, 1]);
});

test("the cross stays inside of the plane and is read to two digits", () => {
  const { input, move } = cross();
  move([7, 0.12345]);
  assert.deepEqual(input.read(), [REACH, 0.12]);
});

test("a guess that is no point is not taken over", () => {
  const { input } = cross();
  for (const guess of [null, "wide", [1], [1, "2"], [NaN, 0]]) input.write(guess);
  assert.equal(input.read(), null);
  input.write([1, 2]);
  assert.deepEqual(input.read(), [1, 2]);
});

test("the true mean is marked, and beside it a guess that was given", () => {
  const { input, move, marks, calls } = cross();
  assert.deepEqual(marks(), []);
  move([1, 2]);
  input.mark([0, 1], true);
  assert.deepEqual(marks(), [[[0, 1], "exact"], [[1, 2], "your guess"]]);
  input.mark([0, 1], false);
  assert.deepEqual(marks(), [[[0, 1], "exact"]]);
  assert.deepEqual(calls, ["redraw", "mark", "redraw", "mark", "redraw"]);
  input.clear();
  assert.deepEqual(marks(), []);
});

test("a cross that is enabled again is back where it began", () => {
  const { input, at, move } = cross();
  const beginning = at();
  move([0, 0]);
  input.disable(true);
  assert.deepEqual(at(), [0, 0]);
  input.disable(false);
  assert.deepEqual(at(), beginning);
  assert.equal(input.read(), null);
});
