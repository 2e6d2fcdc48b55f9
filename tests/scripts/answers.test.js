import assert from "node:assert/strict";
import { test } from "node:test";

import { description, makeRequester } from "../../pds/web/static/answers.js";
import { merged, recolored } from "../../pds/web/static/plots.js";

// A server whose answers are given by hand.
function makeServer() {
  const waiting = [];
  const ask = (request) => new Promise((resolve) => waiting.push({ request, resolve }));
  return { ask, waiting, answer: (value) => waiting.shift().resolve(value) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("of the requests made meanwhile only the newest is sent", async () => {
  const { ask, waiting, answer } = makeServer();
  const shown = [];
  const request = makeRequester(ask, (value) => void shown.push(value.name));
  request("first");
  request("second");
  request("third");
  assert.deepEqual(waiting.map(({ request }) => request), ["first"]);
  answer({ name: "one" });
  await turn();
  assert.deepEqual(waiting.map(({ request }) => request), ["third"]);
  answer({ name: "three" });
  await turn();
  assert.deepEqual(shown, ["one", "three"]);
});

test("an error is shown only if no newer request waits", async () => {
  const { ask, answer } = makeServer();
  const shown = [];
  const request = makeRequester(ask, (value) => void shown.push(value));
  request("bad");
  request("good");
  answer({ error: "alpha must be > 1" });
  await turn();
  answer({ text: {} });
  await turn();
  assert.deepEqual(shown, [{ text: {} }]);
});

test("a lost request is an error in a sentence, and the next one is sent", async () => {
  const shown = [];
  let lost = true;
  const request = makeRequester(
    () => (lost ? Promise.reject(new Error("network")) : Promise.resolve({ text: {} })),
    (value) => void shown.push(value)
  );
  await request("one");
  lost = false;
  await request("two");
  assert.match(shown[0].error, /did not answer/);
  assert.deepEqual(shown[1], { text: {} });
});

test("after an answer that could not be shown the next request is sent", async () => {
  const shown = [];
  const request = makeRequester((value) => Promise.resolve(value), (value) => {
    if (value === "bad") throw new Error("no such figure");
    shown.push(value);
  });
  await assert.rejects(request("bad"));
  await request("good");
  assert.deepEqual(shown, ["good"]);
});

test("a figure is described by its label and its own sentence, or else a neighbor's", () => {
  const text = { first: "One.", map: "Blue is better." };
  assert.equal(description("Map", { text }, "map"), "Map. Blue is better.");
  assert.equal(description("Curve", { text }, "curve"), "Curve. One.");
  assert.equal(description("Curve", {}, "curve"), "Curve");
});

test("a change of a layout leaves what it does not name", () => {
  const layout = { xaxis: { range: [0, 1], title: "N" }, margin: { l: 1 } };
  assert.deepEqual(merged(layout, { xaxis: { range: [2, 3] } }), { xaxis: { range: [2, 3], title: "N" }, margin: { l: 1 } });
  assert.deepEqual(layout.xaxis.range, [0, 1]);
  assert.deepEqual(merged(layout), layout);
});

test("a color is replaced wherever it stands, and numbers are not copied", () => {
  const x = [1, 2, 3];
  const traces = [{ x, line: { color: "#868b92" }, text: ["#868b92", "a"] }];
  const [trace] = recolored(traces, "#868b92", "#000000");
  assert.equal(trace.x, x);
  assert.deepEqual([trace.line.color, ...trace.text], ["#000000", "#000000", "a"]);
});
