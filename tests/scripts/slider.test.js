import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { bindSlider, label, linear, logarithmic, stopAt, stops, withStop } from "../../pds/web/static/slider.js";

const near = (value, expected) => assert.ok(Math.abs(value - expected) < 1e-9, `${value}, expected ${expected}`);

describe("the linear scale", () => {
  test("leaves position and range as they are", () => {
    assert.equal(linear.toValue(0.25), 0.25);
    assert.equal(linear.toPosition(7), 7);
    assert.deepEqual(linear.range, {});
  });
});

describe("the logarithmic scale", () => {
  const alpha = logarithmic(1.1, 51, { origin: 1 });

  test("ends at its bounds", () => {
    assert.deepEqual([0, 1].map(alpha.toValue), [1.1, 51]);
  });

  test("is geometric in value - origin", () => {
    near(alpha.toPosition(1 + Math.sqrt(0.1 * 50)), 0.5);
  });

  test("rounds to two significant digits, and to three from 100 on", () => {
    const { toValue } = logarithmic(1, 10000);
    assert.deepEqual([0.3, 0.6].map(toValue), [16, 251]);
  });

  test("comes back to every value that it rounds to", () => {
    for (const value of [1.2, 2, 5, 12, 50]) assert.equal(alpha.toValue(alpha.toPosition(value)), value);
  });
});

for (const values of [[2, 8, 32, 128], [128, 32, 8, 2]]) {
  describe(`the stops ${values}`, () => {
    const scale = stops(values);

    test("lie at whole positions", () => {
      assert.deepEqual(values.map(scale.toPosition), [0, 1, 2, 3]);
      assert.deepEqual([0, 1, 2, 3].map(scale.toValue), values);
    });

    test("have other values between them, by the logarithm", () => {
      near(scale.toPosition(16), 1.5);
      near(scale.toPosition(4), values[0] === 2 ? 0.5 : 2.5);
    });

    test("bound the values beyond them", () => {
      assert.deepEqual([1, 1000].map(scale.toPosition), values[0] === 2 ? [0, 3] : [3, 0]);
    });
  });
}

test("a further stop takes its place once", () => {
  const values = withStop([1, 5, 9], 7);
  assert.deepEqual(values, [1, 5, 7, 9]);
  assert.equal(withStop(values, 7), values);
});

describe("an arrow key", () => {
  test("leads from a stop to its neighbor", () => {
    assert.deepEqual([stopAt(2, 1, 5), stopAt(2, -1, 5)], [3, 1]);
  });

  test("leads from between two stops to either of them", () => {
    assert.deepEqual([stopAt(2.4, 1, 5), stopAt(2.4, -1, 5)], [3, 2]);
  });

  test("takes a position for the stop that it misses by rounding", () => {
    assert.deepEqual([stopAt(3 - 1e-12, 1, 5), stopAt(3 + 1e-12, -1, 5)], [4, 2]);
  });

  test("stays within the list", () => {
    assert.deepEqual([stopAt(5, 1, 5), stopAt(0, -1, 5), stopAt(3, -5, 5), stopAt(3, 5, 5)], [5, 0, 0, 5]);
  });
});

test("a label has four significant digits and separated thousands", () => {
  assert.deepEqual([0.0359991, 2000, 12345].map(label), ["0.036", "2,000", "12,350"]);
});

// What a slider uses of an input.
class Input extends EventTarget {
  style = { setProperty: (name, value) => (this[name] = value) };
  value = "";
  setAttribute(name, value) {
    this[name] = value;
  }
  get valueAsNumber() {
    return this.value === "" ? NaN : Number(this.value);
  }
  choose(value) {
    this.value = String(value);
    this.dispatchEvent(new Event("input"));
  }
}

describe("a slider", () => {
  test("fills its track up to the value and reads it out", () => {
    const input = new Input();
    bindSlider(input, stops([1, 2, 4, 8, 16])).write(2);
    assert.deepEqual([input["--filled"], input["aria-valuetext"], input.max], ["25%", "2", "4"]);
  });

  test("tells what the visitor chooses, not what is written", () => {
    const input = new Input();
    const chosen = [];
    const slider = bindSlider(input, stops([1, 2, 4]), { onInput: () => chosen.push(slider.read()) });
    slider.write(2);
    input.choose(2);
    assert.deepEqual(chosen, [4]);
  });

  test("writes its value into the box", () => {
    const [input, box] = [new Input(), new Input()];
    bindSlider(input, stops([1, 2, 4]), { box });
    input.choose(1);
    assert.equal(box.value, "2");
  });

  test("follows the box, which may hold a value between its own", () => {
    const [input, box] = [new Input(), new Input()];
    const { read } = bindSlider(input, stops([1, 4, 16], { step: "any" }), { box });
    box.choose(8);
    assert.deepEqual([read(), input.value, input["aria-valuetext"]], [8, "1.5", "8"]);
  });

  test("stays where it is while the box is empty", () => {
    const [input, box] = [new Input(), new Input()];
    bindSlider(input, stops([1, 4, 16]), { box }).write(4);
    box.choose("");
    assert.equal(input.value, "1");
  });
});
