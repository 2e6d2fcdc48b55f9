import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { IDLE, afterStop, next } from "../../pds/web/static/runs.js";

const start = (run = "a") => ({ type: "start", run, request: { seed: 1 } });
const frame = (run = "a") => ({ type: "message", message: { kind: "frame", run } });
const queued = (waiting, wait = 8) => ({ type: "queued", waiting, wait });
const failure = (rest = {}) => ({ type: "failure", run: "a", stopped: false, sentence: "Gone.", ...rest });

// The state after all events, and the actions on the way.
function after(...events) {
  const actions = [];
  const state = events.reduce((before, event) => {
    const step = next(before, event);
    if (step.action) actions.push(step.action);
    return step.state;
  }, IDLE);
  return { state, actions, last: actions.at(-1) };
}

describe("a run", () => {
  test("starts, runs from its first message on, and ends", () => {
    const events = [start(), frame(), { type: "end" }];
    const phases = events.map((_, i) => after(...events.slice(0, i + 1)).state.phase);
    assert.deepEqual(phases, ["starting", "running", "idle"]);
  });

  test("is requested under its name", () => {
    assert.deepEqual(after(start()).actions, [{ do: "start", run: "a", request: { seed: 1 } }]);
  });

  test("does not start during another one", () => {
    const { state, actions } = after(start("a"), start("b"));
    assert.equal(state.run, "a");
    assert.equal(actions.length, 1);
  });

  test("shows its messages and ignores those of other runs", () => {
    assert.deepEqual(after(start(), frame("a")).last, { do: "show", message: { kind: "frame", run: "a" } });
    assert.equal(after(start(), frame("b")).last.do, "start");
    assert.equal(after(start(), frame(null)).last.do, "start");
  });

  test("fails with the sentence of an error", () => {
    const error = { type: "message", message: { kind: "error", run: "a", sentence: "alpha must be > 1" } };
    const { state, last } = after(start(), frame(), error);
    assert.deepEqual(last, { do: "fail", sentence: "alpha must be > 1" });
    assert.equal(state.phase, "idle");
  });

  test("fails when the server is lost", () => {
    const { state, last } = after(start(), frame(), { type: "lost", sentence: "Gone." });
    assert.deepEqual(last, { do: "fail", sentence: "Gone." });
    assert.equal(state.run, null);
  });
});

describe("while idle", () => {
  test("a recorded run is shown", () => {
    const { state, last } = after({ type: "message", message: { kind: "done" } });
    assert.equal(last.do, "show");
    assert.equal(state.phase, "idle");
  });

  for (const event of [queued(3), failure(), { type: "stop", now: 0 }, { type: "lost", sentence: "" }, { type: "end" }]) {
    test(`${event.type} does nothing`, () => assert.deepEqual(next(IDLE, event), { state: IDLE }));
  }
});

describe("the queue", () => {
  test("is waited in", () => {
    const { state, last } = after(start(), queued(2));
    assert.equal(state.phase, "waiting");
    assert.deepEqual(last, { do: "wait", place: 2, seconds: 8 });
  });

  test("is served in order: who comes later does not count", () => {
    assert.equal(after(start(), queued(2), queued(5)).last.place, 2);
  });

  test("does not matter to a run that runs", () => {
    const { state, last } = after(start(), frame(), queued(5));
    assert.equal(state.phase, "running");
    assert.equal(last.do, "show");
  });

  test("is supposed after a while without a message", () => {
    const patience = { type: "patience", run: "a" };
    assert.deepEqual(after(start(), patience).last, { do: "wait", place: 0, seconds: null });
    assert.equal(after(start(), queued(2), patience).last.place, 2);
    assert.equal(after(start(), frame(), patience).last.do, "show");
    assert.equal(after(start("b"), patience).last.do, "start");
  });
});

describe("a stopped run", () => {
  const stop = { type: "stop", now: 1000 };

  test("is stopped at the server and remembered for its late failure", () => {
    const { state, last } = after(start(), frame(), stop);
    assert.deepEqual(last, { do: "stop" });
    assert.deepEqual([afterStop(state, 3999), afterStop(state, 4000)], [true, false]);
  });

  test("has no late messages", () => {
    assert.equal(after(start(), stop, frame()).last.do, "stop");
  });

  test("leaves its failure to the next one only if that is silent", () => {
    const late = failure({ run: "b", stopped: true });
    assert.equal(after(start("a"), stop, start("b"), late).last.do, "fail");
    assert.equal(after(start("a"), stop, start("b"), frame("b"), late).last.do, "show");
  });

  test("does not end the next one when the reason arrives late", () => {
    assert.equal(after(start("a"), stop, start("b"), failure({ run: "a" })).last.do, "start");
  });
});

test("a failure without a stop before ends a run that runs", () => {
  assert.deepEqual(after(start(), frame(), failure()).last, { do: "fail", sentence: "Gone." });
});
