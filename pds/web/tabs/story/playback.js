// The number of steps taken in the plane: a slider, and buttons that step and play.

import { find } from "../../static/dom.js";
import { makeDial } from "../../static/slider.js";

const PERIOD = 90; // ms of a step while it plays

/**
 * @param {HTMLElement} section
 * @param {object} events
 * @param {() => void} events.onMove called with each change
 * @param {() => void} events.onStart called before a walk or a step begins
 */
export function makePlayback(section, { onMove, onStart }) {
  const scrub = find(section, "[data-scrub]", HTMLInputElement);
  const [walkButton, stepButton] = [find(section, ".pds-walk"), find(section, ".pds-step")];
  const last = Number(scrub.max);
  let timer = 0;
  const { read, write } = makeDial(scrub, () => {
    halt();
    onMove();
  });

  function halt() {
    clearInterval(timer);
    timer = 0;
    walkButton.textContent = "Walk";
  }

  function step() {
    write(read() + 1);
    onMove();
    if (read() >= last) halt();
  }

  function begin() {
    onStart();
    if (read() >= last) write(0);
  }

  walkButton.addEventListener("click", () => {
    if (timer) return halt();
    begin();
    walkButton.textContent = "Pause";
    timer = setInterval(step, PERIOD);
  });
  stepButton.addEventListener("click", () => {
    halt();
    begin();
    step();
  });
  return { last, read, write, halt };
}
