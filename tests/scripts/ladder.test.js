import assert from "node:assert/strict";
import { test } from "node:test";

import { numberOrText } from "../../pds/web/tabs/ladder/ladder.js";
import { contrastText, grainText } from "../../pds/web/tabs/ladder/numbers.js";
import { items } from "../../pds/web/tabs/ladder/rows.js";
import { fewestUncovered, pictureWidth } from "../../pds/web/tabs/ladder/sheet.js";

const column = {
  outside: [0.01, 0.9, null],
  grain: { network: [1.25, 3, 3], pixels: [0.05, 0.1, 0.1] },
  contrast: { network: [0.64, 1, null] },
};

test("grain is relative where there is a reference, else a share", () => {
  assert.equal(grainText({ own: "the network's own", lost: 0.5 }, column, 0), "1.3×");
  assert.equal(grainText({ own: "", lost: 0.5 }, column, 0), "5.0%");
});

test("a lost picture has diverged and has no contrast", () => {
  for (const row of [1, 2]) {
    assert.equal(grainText({ own: "x", lost: 0.5 }, column, row), "diverged");
    assert.equal(contrastText({ lost: 0.5 }, column, row), "–");
  }
  assert.equal(contrastText({ lost: 0.5 }, column, 0), "0.64×");
});

test("a picture's pixel takes whole pixels of the screen", () => {
  for (const [pixels, density] of [[32, 1], [64, 1.5], [128, 1], [128, 2], [256, 1]]) {
    const scale = (pictureWidth(pixels, density) * density) / pixels;
    assert.equal(scale, Math.round(scale));
    assert.ok(scale >= 1);
  }
});

test("the ladder opens where a picture is left in every row", () => {
  const columns = [
    { num_steps: 200, outside: [0, 0] },
    { num_steps: 25, outside: [0.05, 0.1] },
    { num_steps: 10, outside: [0.05, 0.4] },
    { num_steps: 5, outside: [0, null] },
  ];
  assert.equal(fewestUncovered(columns), 25);
  assert.equal(fewestUncovered(columns.slice(2)), undefined);
});

test("a list of numbers is separated by anything, and what is no number stays for the server", () => {
  assert.deepEqual(items(" 20, 40;66\n100 ").map(numberOrText), [20, 40, 66, 100]);
  assert.deepEqual(items("20, many").map(numberOrText), [20, "many"]);
});
