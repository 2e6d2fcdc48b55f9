import assert from "node:assert/strict";
import { test } from "node:test";

import { find, findAll } from "../../pds/web/static/dom.js";

class Input {
  nodeName = "INPUT";
}
class Select {
  nodeName = "SELECT";
}

const rootOf = (...nodes) => ({ querySelector: () => nodes[0] ?? null, querySelectorAll: () => nodes });

test("an element is found with its class", () => {
  const input = new Input();
  assert.equal(find(rootOf(input), "[name=seed]", Input), input);
  assert.deepEqual(findAll(rootOf(input, input), "[name]", Input), [input, input]);
});

test("an element of another class is refused by its selector", () => {
  const message = "[name=seed] must be an Input, got SELECT";
  assert.throws(() => find(rootOf(new Select()), "[name=seed]", Input), { name: "TypeError", message });
  assert.throws(() => findAll(rootOf(new Input(), new Select()), "[name=seed]", Input), { message });
});

test("an element that is missing is refused, and a list may be empty", () => {
  assert.throws(() => find(rootOf(), ".pds", Input), { message: ".pds must be an Input, got nothing" });
  assert.deepEqual(findAll(rootOf(), ".pds", Input), []);
});
