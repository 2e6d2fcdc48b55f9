// What the page says about its run, and which of its buttons can be pressed.

import { find } from "../../static/dom.js";

/** @param {HTMLElement} root */
export function makeStatus(root) {
  const [sampleButton, stopButton] = [".pds-sample", ".pds-stop"].map((s) => find(root, s, HTMLButtonElement));
  const [statusLine, measuredLine, errorLine] = [".pds-verdict", ".pds-measured", ".pds-error"].map((s) => find(root, s));

  // A live region is spoken again whenever it is written, the same words or not.
  function say(/** @type {string} */ sentence) {
    if (statusLine.textContent !== sentence) statusLine.textContent = sentence;
  }

  return {
    say,
    complain(/** @type {string} */ sentence) {
      errorLine.textContent = sentence;
      errorLine.hidden = !sentence;
    },
    /**
     * @param {"running" | "idle"} state
     * @param {string} sentence
     * @param {string} [measured] of the run on screen
     */
    enter(state, sentence, measured = "") {
      root.dataset.state = state;
      measuredLine.textContent = measured;
      const [enabled, disabled] = state === "running" ? [stopButton, sampleButton] : [sampleButton, stopButton];
      enabled.disabled = false;
      if (document.activeElement === disabled) enabled.focus(); // a disabled button would lose the keyboard
      disabled.disabled = true;
      say(sentence);
    },
  };
}
