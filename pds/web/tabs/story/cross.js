// The cross of the guess: the visitor puts it where the mean of all walks is expected.

import { rounded } from "./geometry.js";

/** @import { Point } from "./geometry.js" */
/** @import { GuessInput } from "./guess.js" */
/** @typedef {ReturnType<typeof makeCross>} Cross */

/** @type {Point} */
const BEGINNING = [1.9, -1.1];

/** @param {unknown} value @returns {value is Point} */
function isPoint(value) {
  return Array.isArray(value) && value.length === 2 && value.every(Number.isFinite);
}

/**
 * @param {(point: Point) => Point} inside returns the point of the plane that is nearest to another
 * @param {object} events
 * @param {() => void} events.onMark called when the true mean was marked
 * @param {(isDisabled: boolean) => void} events.onDisable
 * @param {() => void} events.redraw
 */
export function makeCross(inside, { onMark, onDisable, redraw }) {
  let at = BEGINNING;
  let moved = false;
  let given = false; // whether its place was given as an answer
  /** @type {Point | null} */
  let truth = null;

  function move(/** @type {Point} */ point) {
    [at, moved] = [rounded(inside(point)), true];
    redraw();
  }

  /** @type {GuessInput} */
  const input = {
    read: () => (moved ? at : null),
    write: (guess) => isPoint(guess) && move(guess),
    mark(exact, isGiven) {
      [truth, given] = [exact, isGiven];
      onMark();
      redraw();
    },
    clear() {
      truth = null;
      redraw();
    },
    disable(isDisabled) {
      onDisable(isDisabled);
      if (!isDisabled) [at, moved] = [BEGINNING, false];
      redraw();
    },
  };

  return {
    input,
    move,
    at: () => at,
    /**
     * Labeled points: the true mean, and the guess if one was made.
     * @returns {[Point, string][]}
     */
    marks() {
      if (!truth) return [];
      return given ? [[truth, "exact"], [at, "your guess"]] : [[truth, "exact"]];
    },
  };
}
