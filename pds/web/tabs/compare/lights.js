// The images of a substep and their places in its equation light up together: by hover and focus, and
// for good by a click or a tap.
export function linkTerms(container) {
  let held = null; // the button or figure that was pressed
  const at = (target) => target.closest?.("[data-term]");

  function light(node) {
    for (const other of container.querySelectorAll(".lit")) other.classList.remove("lit");
    const name = node?.dataset.term;
    const section = node?.closest(".pds-substep");
    for (const other of section?.querySelectorAll(`[data-term="${name}"]`) ?? []) other.classList.add("lit");
  }
  function hold(node) {
    held = held && node && held.dataset.term === node.dataset.term && held.closest(".pds-substep") === node.closest(".pds-substep") ? null : node;
    light(held);
    for (const button of container.querySelectorAll("button[data-term]")) button.setAttribute("aria-pressed", Boolean(held) && button.classList.contains("lit"));
  }
  container.addEventListener("pointerover", ({ target, pointerType }) => pointerType === "mouse" && light(at(target) ?? held));
  container.addEventListener("pointerleave", () => light(held));
  container.addEventListener("focusin", ({ target }) => target.matches(":focus-visible") && light(at(target) ?? held));
  container.addEventListener("focusout", () => light(held));
  container.addEventListener("click", ({ target }) => {
    hold(at(target));
    if (held && at(target).closest(".pds-formulas")) {
      held.closest(".pds-substep").querySelector(`figure[data-term="${held.dataset.term}"]`).scrollIntoView({ block: "nearest", behavior: "smooth" });
    }
  });
  return () => hold(null);
}
