import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { readings } from "../../pds/web/tabs/compare/readings.js";

const HEADER = { own: "network", lengths: [10, 5], request: { num_images: 4 } };
const STEP = {
  iterations: [3, 5],
  calls: [6, 10],
  sigma: [12, 0.0123],
  seconds: 0.25,
  grain: { pixels: [0.1, 0.2], network: [1.5, 2], data: [3, 4] },
  contrast: { network: [0.9, 1], data: [0.8, 1.1] },
  noise_ratio: [null, 1.25],
};
const values = ({ rows }) => Object.fromEntries(rows.map(([name, value]) => [name.trim(), value]));

describe("the numbers of a side", () => {
  test("are those of its sampler", () => {
    const { iteration, calls, sigma, Grain } = values(readings(HEADER, STEP, 1));
    assert.deepEqual([iteration, calls, sigma, Grain], [5, 10, "0.012", "2.0×"]);
  });

  test("compare with the network and with the data", () => {
    const { rows } = readings(HEADER, STEP, 0);
    assert.deepEqual(rows.slice(0, 2).map((row) => row.slice(0, 3)), [["Grain", "1.5×", "data: 3.0×"], ["Contrast", "0.90×", "data: 0.80×"]]);
  });

  test("are a part of the range where the model was not measured", () => {
    const { rows } = readings({ ...HEADER, own: "" }, STEP, 0);
    assert.deepEqual(rows.slice(0, 2).map((row) => row.slice(0, 2)), [["Grain", "10%"], ["iteration", 3]]);
  });

  test("have no contrast for one picture", () => {
    const { rows } = readings({ ...HEADER, request: { num_images: 1 } }, STEP, 0);
    assert.deepEqual(rows[1].slice(0, 3), ["Contrast", "–", "needs two images"]);
  });

  test("say which side is done and waits for the other one", () => {
    const note = (chain) => readings(HEADER, STEP, chain).rows.find(([name]) => name === "iteration")[2];
    assert.deepEqual([note(0), note(1)], ["", "done"]);
  });

  test("are one sentence for who does not see them", () => {
    assert.equal(readings(HEADER, STEP, 0).sentence, "4 images after iteration 3 of 10, grain 1.5×, contrast 0.90×");
    assert.match(readings(HEADER, STEP, 1).sentence, /, noise is now 1\.25 times the network's next sigma$/);
  });
});
