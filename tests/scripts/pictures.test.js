import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { arrange, pixelAt } from "../../pds/web/tabs/compare/pictures.js";

const header = (count, size = 64) => ({ width: size, height: size, request: { num_images: count } });

describe("the grid of a side", () => {
  test("has gaps of a 32nd of a picture", () => {
    const { across, down, places } = arrange(header(4));
    assert.deepEqual([across, down], [130, 130]);
    assert.deepEqual(places, [[0, 0], [66, 0], [0, 66], [66, 66]]);
  });

  test("leaves the last place empty for three pictures, on the same area as four", () => {
    const [three, four] = [3, 4].map((count) => arrange(header(count)));
    assert.deepEqual([three.across, three.down], [four.across, four.down]);
    assert.equal(three.places.length, 3);
  });

  test("is one row for two pictures", () => {
    assert.deepEqual(arrange(header(2)).places, [[0, 0], [66, 0]]);
  });
});

describe("a point of the grid", () => {
  test("belongs to the picture below it", () => {
    assert.deepEqual(pixelAt(header(4), 70, 10), { image: 1, x: 4, y: 10 });
  });

  test("in a gap belongs to the nearest pixel of a neighbor", () => {
    assert.deepEqual(pixelAt(header(4), 65, 10), { image: 0, x: 63, y: 10 });
  });

  test("in an empty place, or beside the grid, belongs to none", () => {
    assert.equal(pixelAt(header(3), 100, 100), null);
    assert.equal(pixelAt(header(1), 90, 10), null);
  });
});
