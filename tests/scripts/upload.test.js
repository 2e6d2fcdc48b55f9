import assert from "node:assert/strict";
import { test } from "node:test";

import { divide, sentSide } from "../../pds/web/tabs/images/upload.js";

const files = (...sizes) => sizes.map((size, i) => ({ name: `${i}.jpg`, size }));
const NAMES = 700; // bytes of a name and what is around it

test("files that fit together are sent as they are", () => {
  assert.equal(divide(files(100, 200, 300), 600 + 3 * NAMES).room, Infinity);
});

test("what small files leave is shared among the large ones", () => {
  const { even, room } = divide(files(100, 5000, 5000), 3000 + 3 * NAMES);
  assert.equal(even, 1000);
  assert.equal(room, (3000 - 100) / 2);
});

test("a file that only browsers read takes an even share, whatever its size", () => {
  const pictures = [{ name: "a.HEIC", size: 1e9 }, { name: "b.jpg", size: 1000 }];
  assert.deepEqual(divide(pictures, 2000 + 2 * NAMES), { even: 1000, room: Infinity });
});

test("a shrunk picture is as large as its share allows, and the model's size at least", () => {
  const bytes = (side) => 3.1 * side * side + 1001;
  assert.equal(sentSide(64, bytes(256)), 256);
  assert.equal(sentSide(64, bytes(255)), 128);
  assert.equal(sentSide(64, bytes(127)), 64);
});
