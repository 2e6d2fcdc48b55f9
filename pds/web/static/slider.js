// The slider of the page: scales between positions and values, and the input that shows a value.

/**
 * @typedef {object} Scale
 * @property {{ min?: number, max?: number, step?: number | "any" }} range attributes of the input;
 *   what is absent stays as the markup has it
 * @property {(position: number) => number} toValue
 * @property {(value: number) => number} toPosition
 */

/** The position is the value. @type {Scale} */
export const linear = { range: {}, toValue: (position) => position, toPosition: (value) => value };

/**
 * Positions from 0 to 1 by the logarithm of value - origin.
 * @param {number} low value at position 0
 * @param {number} high value at position 1
 * @param {{ origin?: number, digits?: number, step?: number }} [options] digits: significant digits of
 *   a value below 100; larger ones have one more
 * @returns {Scale}
 */
export function logarithmic(low, high, { origin = 0, digits = 2, step = 0.001 } = {}) {
  const first = Math.log(low - origin);
  const span = Math.log(high - origin) - first;
  return {
    range: { min: 0, max: 1, step },
    toValue(position) {
      const value = origin + Math.exp(first + position * span);
      return Number(value.toPrecision(digits + (value >= 100 ? 1 : 0)));
    },
    toPosition: (value) => (Math.log(value - origin) - first) / span,
  };
}

/**
 * The positions 0, 1, … of listed values. A value between two of them lies between their positions, by
 * its logarithm; a value beyond the list lies at its end.
 * @param {readonly number[]} values ascending or descending
 * @param {{ step?: number | "any" }} [options]
 * @returns {Scale}
 */
export function stops(values, { step = 1 } = {}) {
  const last = values.length - 1;
  const descending = values[0] > values[last];
  return {
    range: { min: 0, max: last, step },
    toValue: (position) => values[Math.round(position)],
    toPosition(value) {
      const after = values.findIndex((stop) => (descending ? stop <= value : stop >= value));
      if (after < 0) return last;
      if (after === 0 || values[after] === value) return after;
      const [from, to] = [values[after - 1], values[after]];
      return after - Math.log(to / value) / Math.log(to / from);
    },
  };
}

/**
 * An ascending list with one more value in its place.
 * @param {readonly number[]} values
 * @param {number} value
 */
export function withStop(values, value) {
  return values.includes(value) ? values : [...values, value].sort((a, b) => a - b);
}

/**
 * The stop that an arrow key leads to. Between two stops it is the next one on that side.
 * @param {number} position
 * @param {number} move 1, -1, or as many stops as lead to an end
 * @param {number} last position of the last stop
 */
export function stopAt(position, move, last) {
  const near = 1e-9; // positions are floating-point numbers, also those of stops
  const from = move > 0 ? Math.floor(position + near) : Math.ceil(position - near);
  return Math.min(last, Math.max(0, from + move));
}

/**
 * The number in a box, or its text where that is none, which the server refuses in a sentence.
 * @param {HTMLInputElement} box
 */
export function numberIn(box) {
  return Number.isFinite(box.valueAsNumber) ? box.valueAsNumber : box.value;
}

/**
 * A value as the text beside a slider.
 * @param {number} value
 */
export function label(value) {
  return value.toLocaleString("en-US", { maximumSignificantDigits: 4 });
}

/**
 * Binds a slider to a value, which a number box beside it may hold more precisely.
 * @param {HTMLInputElement} input of the type "range"
 * @param {Scale} scale
 * @param {object} [options]
 * @param {HTMLInputElement | null} [options.box] number box, which takes any value
 * @param {(value: number) => string} [options.text] the value as assistive technology reads it
 * @param {(value: number, text: string) => void} [options.display] called with each new value
 * @param {() => void} [options.onInput] called when the visitor has chosen a value
 */
export function bindSlider(input, scale, { box = null, text = label, display, onInput } = {}) {
  const read = () => (box ? box.valueAsNumber : scale.toValue(Number(input.value)));

  function show() {
    const [low, high, position] = [input.min, input.max, input.value].map(Number);
    input.style.setProperty("--filled", `${(100 * (position - low)) / (high - low)}%`);
    const words = box ? box.value : text(read());
    input.setAttribute("aria-valuetext", words);
    display?.(read(), words);
  }

  // The slider stays where it is while the box holds no number.
  function follow() {
    const value = read();
    if (box && Number.isFinite(value)) input.value = String(scale.toPosition(value));
    show();
  }

  function rescale(/** @type {Scale} */ next) {
    scale = next;
    for (const [name, value] of Object.entries(next.range)) input.setAttribute(name, String(value));
  }

  rescale(scale);
  input.addEventListener("input", () => {
    if (box) box.value = String(scale.toValue(Number(input.value)));
    follow(); // to the position of the value, which may be rounded
    onInput?.();
  });
  box?.addEventListener("input", () => {
    follow();
    onInput?.();
  });
  return {
    read,
    rescale,
    // A box stays empty if the value is a text.
    write(/** @type {number | string} */ value) {
      if (box) box.value = String(value);
      else input.value = String(scale.toPosition(Number(value)));
      follow();
    },
  };
}

/**
 * The scale that the attributes of a slider describe.
 * @param {HTMLInputElement} input with `min` and `max`, and a logarithm for data-scale="log"
 */
function markedScale({ min, max, dataset }) {
  if (dataset.scale !== "log") return linear;
  const [origin, digits] = [Number(dataset.origin ?? 0), Number(dataset.digits ?? 2)];
  return logarithmic(Number(min), Number(max), { origin, digits });
}

/**
 * A slider whose attributes say all about it, with its value in an `output` beside it. With data-stops
 * it has only these values; with data-between others may be written too, and become stops.
 * @param {HTMLInputElement} input
 * @param {() => void} onInput
 */
export function makeDial(input, onInput) {
  const { prefix = "", stops: list, between } = input.dataset;
  const output = /** @type {HTMLElement} */ (input.closest("label, .pds-dial")?.querySelector("output"));
  /** @type {readonly number[] | undefined} */
  let values = list?.split(" ").map(Number);
  const { read, rescale, write } = bindSlider(input, values ? stops(values) : markedScale(input), {
    text: (value) => prefix + label(value),
    display: (_, text) => (output.textContent = text),
    onInput,
  });
  const dial = {
    read,
    write(/** @type {number} */ value) {
      if (values && between !== undefined) rescale(stops((values = withStop(values, value))));
      write(value);
    },
  };
  dial.write(Number(input.getAttribute("value")));
  return dial;
}
