import assert from "node:assert/strict";
import { test } from "node:test";

import * as format from "../../pds/web/static/format.js";

const cases = [
  ["power", [-12], "10⁻¹²"],
  ["short", [1348], "1,348"],
  ["short", [9.96], "10"],
  ["short", [1.26], "1.3"],
  ["short", [0.0123], "0.012"],
  ["times", [123456], "1.2 · 10⁵×"],
  ["times", [null], "out of range"],
  ["relative", [99.4], "99×"],
  ["relative", [99.6], ">100×"],
  ["factor", [1.234], "1.23"],
  ["factor", [12.3], "12"],
  ["share", [0.05], "5.0%"],
  ["share", [2], "2.0×"],
  ["noise", [0.01], "0.010"],
  ["noise", [1348], "1,348"],
  ["duration", [0.0012], "1.2 ms"],
  ["duration", [0.5], "500 ms"],
  ["duration", [2], "2.0 s"],
  ["about", [0.2], "about 1 s"],
  ["about", [125], "about 2 min"],
  ["remaining", [null], ""],
  ["remaining", [5], "about 5 s left"],
  ["capital", ["vanilla"], "Vanilla"],
];

for (const [name, values, text] of cases) {
  test(`${name} of ${values[0]} is ${text || "nothing"}`, () => assert.equal(format[name](...values), text));
}
