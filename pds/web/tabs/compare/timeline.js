// The timeline: a slider over the steps of a run, and a button that plays them.

import { find } from "../../static/dom.js";
import { bindSlider, linear } from "../../static/slider.js";

/**
 * @param {HTMLElement} root
 * @param {(index: number) => void} goTo shows the step of an index
 */
export function makeTimeline(root, goTo) {
  const scrub = find(root, ".pds-scrub", HTMLInputElement);
  const play = find(root, ".pds-play", HTMLButtonElement);
  const place = find(root, ".pds-where");
  let count = 0; // steps
  let playing = 0; // the timer, 0 while it rests
  const slider = bindSlider(scrub, linear, {
    text: () => place.textContent ?? "",
    onInput() {
      pause();
      goTo(slider.read());
    },
  });

  function pause() {
    clearInterval(playing);
    playing = 0;
    play.classList.remove("playing");
    play.setAttribute("aria-label", "Play the steps");
  }

  function start() {
    const pace = Math.min(250, Math.max(40, 4000 / count));
    if (slider.read() >= count - 1) goTo(0);
    playing = setInterval(() => {
      const next = slider.read() + 1;
      goTo(next);
      if (next >= count - 1) pause();
    }, pace);
    play.classList.add("playing");
    play.setAttribute("aria-label", "Pause");
  }

  play.addEventListener("click", () => (playing ? pause() : start()));

  return {
    // While a run is under way, the slider shows how far it is.
    lock() {
      pause();
      scrub.disabled = play.disabled = true;
    },
    span(/** @type {[number, number]} */ [first, last]) {
      Object.assign(scrub, { min: first, max: last });
    },
    unlock(/** @type {number} */ steps) {
      count = steps;
      Object.assign(scrub, { min: 0, max: count - 1 });
      scrub.disabled = play.disabled = count < 2;
    },
    /**
     * @param {number} position
     * @param {string} where how far the run is, in words
     */
    show(position, where) {
      if (place.textContent !== where) place.textContent = where; // the same step may be shown once more
      slider.write(position);
    },
  };
}
