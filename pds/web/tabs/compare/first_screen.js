// The first screen: the pictures take the height that the rest of it leaves in the window.

import { find, findAll } from "../../static/dom.js";

/** @param {HTMLElement} root */
export function fitFirstScreen(root) {
  const [frame, said] = [find(root, ".pds-frame"), find(root, ".pds-said")];
  let rest = 0;

  // The height above the timeline's track, without the pictures. Lines that wrap increase it; it never
  // decreases, so that no new sentence moves the pictures.
  function measure() {
    if (!root.offsetParent) return;
    const above = said.getBoundingClientRect().bottom - root.getBoundingClientRect().top;
    const needed = Math.ceil(above - frame.getBoundingClientRect().height);
    if (needed > rest) root.style.setProperty("--rest", `${(rest = needed)}px`);
  }

  const resized = new ResizeObserver(measure);
  for (const node of findAll(root, ".pds-head, .pds-panel figcaption, .pds-numbers, .pds-scale, .pds-said")) resized.observe(node);
  window.addEventListener("resize", () => {
    rest = 0;
    measure();
  });
}
