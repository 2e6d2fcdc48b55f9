// The bar of the story: the glossary, and on a phone a menu of what else it offers.

export function makeGlossary(pane) {
  const dialog = pane.querySelector(".pds-glossary");
  const button = pane.querySelector(".pds-glossary-open");
  const menu = pane.querySelector(".pds-way-more");
  button.addEventListener("click", () => dialog.showModal());
  dialog.addEventListener("close", () => (button.checkVisibility() ? button : menu).focus());
  dialog.querySelector(".pds-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // beside its text
  });
}

export function makeMenu(way) {
  const button = way.querySelector(".pds-way-more");
  const open = (isOpen) => button.setAttribute("aria-expanded", isOpen);
  const isOpen = () => button.getAttribute("aria-expanded") === "true";
  button.addEventListener("click", () => open(!isOpen()));
  way.querySelector(".pds-way-actions").addEventListener("click", () => open(false));
  document.addEventListener("pointerdown", ({ target }) => way.contains(target) || open(false));
  way.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !isOpen()) return;
    open(false);
    button.focus();
  });
}
