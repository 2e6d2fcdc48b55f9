// How far a run is and how long it will take; and Stop at hand wherever the visitor has gone.

import { find } from "../../static/dom.js";
import { remaining } from "../../static/format.js";
import { callsPerIteration, sum } from "./moments.js";

/**
 * @param {HTMLElement} root
 * @param {HTMLButtonElement} stopButton of the page
 * @param {() => void} onStop called when the further one is pressed
 */
export function makeProgress(root, stopButton, onStop) {
  const line = find(root, ".pds-eta");
  const float = document.createElement("section");
  float.className = "pds pds-float";
  float.hidden = true;
  float.setAttribute("aria-label", "The run under way");
  float.innerHTML = '<span>Sampling</span><progress max="1" aria-label="Iterations done"></progress><span></span><button type="button">Stop</button>';
  root.closest(".contain")?.append(float); // outside of the tab, and inside of what the styles apply to
  const lines = [line, float];
  /** @type {{ done: number, now: number } | null} */
  let first = null; // network calls and moment of the first frame
  let away = false; // whether the page's own Stop is out of sight
  let running = false;

  const place = () => (float.hidden = !(running && away));
  new IntersectionObserver((entries) => {
    away = !entries[entries.length - 1].isIntersecting; // a busy page reports several changes at once, oldest first
    place();
  }).observe(stopButton);
  find(float, "button").addEventListener("click", onStop);

  /**
   * @param {number | null} share done of the run, null if it is not known
   * @param {string} text
   */
  function show(share, text) {
    for (const node of lines) {
      const bar = find(node, "progress", HTMLProgressElement);
      if (share === null) bar.removeAttribute("value");
      else bar.value = share;
      find(node, "progress + span").textContent = text;
    }
  }

  /**
   * The time left, by the visitor's clock after the first second: the server's time of a step leaves out
   * the transfer.
   * @param {number} done network calls
   * @param {number} total
   * @param {number} each seconds of a call by the server's clock
   */
  function secondsLeft(done, total, each) {
    const now = performance.now();
    first ??= { done, now };
    const [calls, spent] = [done - first.done, (now - first.now) / 1000];
    return (total - done) * (calls > 0 && spent > 1 ? spent / calls : each);
  }

  return {
    begin() {
      running = true;
      first = null;
      line.hidden = false;
      show(null, "");
      place();
    },
    /**
     * @param {import("./moments.js").Message} header
     * @param {string} where how far the run is
     */
    frame(header, where) {
      const [{ calls, seconds }] = header.steps;
      const [done, total, perIteration] = [calls, header.nfes, callsPerIteration(header)].map(sum);
      const left = secondsLeft(done, total, seconds / perIteration);
      show(done / total, `${where.replace("iteration ", "")}, ${remaining(left)}`);
    },
    end() {
      running = false;
      line.hidden = true;
      place();
    },
  };
}
