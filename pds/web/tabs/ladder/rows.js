// The rows of a sheet: samplers from a menu with their strength, or PDS at a list of alphas.

const words = (text) => text.split(/[\s,;]+/).filter(Boolean);

function makeRows(form, { kinds, samplers, limits }) {
  const list = form.querySelector(".pds-chosen");
  const add = form.querySelector(".pds-add");
  const alphas = form.querySelector(".pds-alphas");

  // Names and limits follow the rows' places.
  function settle() {
    const rows = [...list.children];
    rows.forEach((row, i) => {
      const [menu, box, remove] = row.querySelectorAll("select, input, button");
      const { strength, optional } = kinds.find(({ name }) => name === menu.value);
      menu.setAttribute("aria-label", `Sampler of row ${i + 1}`);
      box.setAttribute("aria-label", `${strength} of row ${i + 1}`);
      box.placeholder = optional ? "best" : strength;
      box.hidden = !strength;
      remove.setAttribute("aria-label", `Remove row ${i + 1}`);
      remove.disabled = rows.length === 1;
    });
    add.disabled = rows.length >= limits.rows;
  }

  function append(name) {
    const [kind, strength = ""] = name.split(":");
    const row = document.createElement("li");
    const menu = document.createElement("select");
    const box = Object.assign(document.createElement("input"), { type: "text", inputMode: "decimal", value: strength });
    const remove = Object.assign(document.createElement("button"), { type: "button", textContent: "Remove" });
    menu.append(...kinds.map(({ name, title }) => new Option(title, name)));
    menu.value = kind;
    menu.addEventListener("change", () => {
      const { strength, optional } = kinds.find(({ name }) => name === menu.value);
      box.value = strength && !optional ? box.value || 5 : "";
      settle();
    });
    remove.addEventListener("click", () => {
      const next = row.nextElementSibling ?? row.previousElementSibling;
      row.remove();
      settle();
      next.querySelector("select").focus();
    });
    row.append(menu, box, remove);
    list.append(row);
    settle();
    return menu;
  }

  function show() {
    const byAlpha = form.elements.rows.value === "alphas";
    alphas.hidden = !byAlpha;
    list.hidden = add.hidden = byAlpha;
  }

  samplers.forEach(append);
  add.addEventListener("click", () => append("pds:10").focus());
  for (const radio of form.elements.rows) radio.addEventListener("change", show);
  show();

  // The names of the rows.
  return () => {
    if (form.elements.rows.value === "alphas") return words(form.elements.alphas.value).map((alpha) => `pds:${alpha}`);
    return [...list.children].map((row) => {
      const [{ value: kind }, box] = row.querySelectorAll("select, input");
      return box.hidden || !box.value.trim() ? kind : `${kind}:${box.value.trim()}`;
    });
  };
}
