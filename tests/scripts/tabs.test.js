import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { onRequest, openTabWith } from "../../pds/web/static/tabs.js";

class Button extends EventTarget {
  click() {
    clicked += 1;
  }
}

let clicked;
beforeEach(() => {
  clicked = 0;
  globalThis.HTMLElement = Button;
  globalThis.document = Object.assign(new EventTarget(), { querySelector: () => new Button() });
});

test("a tab that is not drawn yet takes its request later, once", () => {
  const [first, second] = [[], []];
  openTabWith("story", { step: "map" });
  assert.equal(clicked, 1);
  assert.equal(onRequest("story", (request) => first.push(request)), true);
  assert.equal(onRequest("story", (request) => second.push(request)), false);
  assert.deepEqual([first, second], [[{ step: "map" }], []]);
});

test("a tab that is drawn takes its requests at once, and none of another tab", () => {
  const taken = [];
  assert.equal(onRequest("filter", (request) => taken.push(request)), false);
  openTabWith("filter", { alpha: 5 });
  openTabWith("ladder", { seed: 1 });
  openTabWith("filter", { alpha: 9 });
  assert.deepEqual(taken, [{ alpha: 5 }, { alpha: 9 }]);
});
