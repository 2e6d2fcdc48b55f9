// The bar of the story: the glossary, and on a phone a menu of what else it offers.

import { closest, find } from "../../static/dom.js";

/** @param {HTMLElement} pane */
export function makeGlossary(pane) {
  const dialog = find(pane, ".pds-glossary", HTMLDialogElement);
  const button = find(pane, ".pds-glossary-open");
  const menu = find(pane, ".pds-way-more");
  button.addEventListener("click", () => dialog.showModal());
  dialog.addEventListener("close", () => (button.checkVisibility() ? button : menu).focus());
  find(dialog, ".pds-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // beside its text
  });
}

/** @param {HTMLElement} way */
export function makeMenu(way) {
  const button = find(way, ".pds-way-more");
  const open = (/** @type {boolean} */ isOpen) => button.setAttribute("aria-expanded", String(isOpen));
  const isOpen = () => button.getAttribute("aria-expanded") === "true";
  button.addEventListener("click", () => open(!isOpen()));
  find(way, ".pds-way-actions").addEventListener("click", () => open(false));
  document.addEventListener("pointerdown", ({ target }) => {
    if (!closest(target, ".pds-way")) open(false);
  });
  way.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !isOpen()) return;
    open(false);
    button.focus();
  });
}
