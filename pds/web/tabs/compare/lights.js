// The images of a substep and their places in its equation light up together: by hover and focus, and
// for good by a click or a tap.

import { closest, find, findAll } from "../../static/dom.js";

const SUBSTEP = ".pds-substep";

/** Whether two nodes stand for the same image. @param {HTMLElement} one @param {HTMLElement} other */
function isSame(one, other) {
  return one.dataset.term === other.dataset.term && one.closest(SUBSTEP) === other.closest(SUBSTEP);
}

/**
 * @param {HTMLElement} container
 * @returns {() => void} turns all lights off
 */
export function linkTerms(container) {
  /** @type {HTMLElement | null} */
  let held = null; // the button or figure that was pressed
  const at = (/** @type {EventTarget | null} */ target) => closest(target, "[data-term]");

  function light(/** @type {HTMLElement | null} */ node) {
    for (const other of findAll(container, ".lit")) other.classList.remove("lit");
    const section = closest(node, SUBSTEP);
    if (!node || !section) return;
    for (const other of findAll(section, `[data-term="${node.dataset.term}"]`)) other.classList.add("lit");
  }

  function hold(/** @type {HTMLElement | null} */ node) {
    held = held && node && isSame(held, node) ? null : node;
    light(held);
    for (const button of findAll(container, "button[data-term]")) {
      button.setAttribute("aria-pressed", String(held !== null && button.classList.contains("lit")));
    }
  }

  container.addEventListener("pointerover", ({ target, pointerType }) => {
    if (pointerType === "mouse") light(at(target) ?? held);
  });
  container.addEventListener("pointerleave", () => light(held));
  container.addEventListener("focusin", ({ target }) => {
    if (closest(target, ":focus-visible") === target) light(at(target) ?? held);
  });
  container.addEventListener("focusout", () => light(held));
  container.addEventListener("click", ({ target }) => {
    hold(at(target));
    const section = closest(held, SUBSTEP);
    if (!held || !section || !closest(target, ".pds-formulas")) return;
    find(section, `figure[data-term="${held.dataset.term}"]`).scrollIntoView({ block: "nearest", behavior: "smooth" });
  });
  return () => hold(null);
}
