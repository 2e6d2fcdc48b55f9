// From a moment on the timeline to the story of a run that is stopped there.

import { find } from "../../static/dom.js";
import { openTabWith } from "../../static/tabs.js";

const LONGEST = 2000; // iterations of a run in the story

/**
 * @param {HTMLElement} root
 * @param {import("./player.js").Player} player
 */
export function makeStopped(root, player) {
  const link = find(root, ".pds-stopped");
  let values = {};

  function adapt() {
    const shown = player.shown();
    if (!shown) return;
    const { header, order, numbers } = shown;
    const [iteration, num_steps] = [numbers.iterations[order[0]], header.lengths[order[0]]];
    values = { iteration, num_steps };
    link.hidden = iteration <= 1 || iteration >= num_steps || num_steps > LONGEST;
    link.textContent = `Is that a run of ${iteration.toLocaleString("en-US")}?`;
  }

  root.addEventListener("pds-step", adapt);
  link.addEventListener("click", () => openTabWith("story", { step: "clocks", values }));
}
