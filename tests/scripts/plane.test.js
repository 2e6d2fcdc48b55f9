import assert from "node:assert/strict";
import { test } from "node:test";

import * as geometry from "../../pds/web/tabs/story/geometry.js";

const near = (a, b) => assert.ok(Math.abs(a - b) < 1e-9, `${a} is not ${b}`);

test("a step is found again from the radius of its noise", () => {
  for (const step of [0.001, 0.036, 0.5, 3]) near(geometry.stepOf(geometry.noiseRadius(step)), step);
  assert.equal(geometry.stepOf(-1), 0);
});

test("the power of M is found again from its half axis", () => {
  for (const power of [0, 0.25, 1]) near(geometry.powerOf(7, geometry.halfAxis(7, power)), power);
  near(geometry.powerOf(7, -geometry.halfAxis(7, 0.5)), 0.5); // the handle was dragged to the other side
});

test("an ellipse is the image of a circle around its center, and closed", () => {
  const points = geometry.ellipse([3, 0, 0, 0.5], [1, -1], 2);
  for (const [x, y] of points) near(((x - 1) / 6) ** 2 + (y + 1) ** 2, 1);
  near(geometry.distance(points[0], points.at(-1)), 0);
});

test("points of a stroke lie at even distances", () => {
  const line = [[0, 0], [0.3, 0], [2, 0]];
  const points = geometry.resampled([line], 5, 0.1);
  assert.deepEqual(points, [[0, 0], [0.5, 0], [1, 0], [1.5, 0], [2, 0]]);
});

test("points of a stroke are no nearer than the pen is wide", () => {
  const points = geometry.resampled([[[0, 0], [1, 0]]], 100, 0.25);
  for (let i = 1; i < points.length; i++) assert.ok(geometry.distance(points[i], points[i - 1]) >= 0.25);
});

test("each of many dots is kept until there are too many", () => {
  const dots = Array.from({ length: 40 }, (_, i) => [[i / 100, 0]]);
  assert.equal(geometry.resampled(dots, 50, 0.1).length, 40);
  assert.equal(geometry.resampled(dots, 30, 0.1).length, 30);
});

test("walks are read by step and by walk", () => {
  const numbers = Int16Array.from([0, 100, 200, 300, -100, -200, 50, 150]); // two walks, two steps
  const text = btoa(String.fromCharCode(...new Uint8Array(numbers.buffer)));
  const walks = geometry.unpacked(text, { scale: 100, num_steps: 1 });
  assert.equal(walks.count, 2);
  assert.deepEqual(walks.at(0, 1), [2, 3]);
  assert.deepEqual(walks.at(1, 0), [-1, -2]);
});

test("a histogram is a density of all walks so far", () => {
  const walks = { count: 2, at: (t, i) => [0.05 + t + i, 0] };
  const [first, second] = geometry.histograms(walks, 1, 0, 3);
  for (const density of [first, second]) near(density.reduce((sum, height) => sum + height * geometry.BIN, 0), 1);
  assert.equal(second.filter((height) => height > 0).length, 3); // at 0, at 1 twice, and at 2
});
