// @ts-check
// The first screen: the pictures take the height that the rest of it leaves in the window.

/** @param {HTMLElement} root */
export function fitFirstScreen(root) {
  const [frame, said] = [".pds-frame", ".pds-said"].map(
    (selector) => /** @type {HTMLElement} */ (root.querySelector(selector))
  );
  let rest = 0;

  // All that stands above the timeline's track, but for the pictures. Lines that wrap make it higher;
  // it never becomes lower, so that no new sentence moves the pictures.
  function measure() {
    if (!root.offsetParent) return;
    const above = said.getBoundingClientRect().bottom - root.getBoundingClientRect().top;
    const needed = Math.ceil(above - frame.getBoundingClientRect().height);
    if (needed > rest) root.style.setProperty("--rest", `${(rest = needed)}px`);
  }

  const resized = new ResizeObserver(measure);
  for (const node of root.querySelectorAll(".pds-head, .pds-panel figcaption, .pds-numbers, .pds-scale, .pds-said")) resized.observe(node);
  window.addEventListener("resize", () => {
    rest = 0;
    measure();
  });
}
