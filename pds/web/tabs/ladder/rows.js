// The rows of a sheet: samplers from a menu with their strength, or PDS at a list of alphas.

import { find, findAll } from "../../static/dom.js";

/**
 * A kind of sampler in the menu.
 * @typedef {object} Kind
 * @property {string} name
 * @property {string} title
 * @property {string} strength what its number is called, "" without one
 * @property {boolean} optional whether the number may be left out
 */

/**
 * The items of a list, separated by commas, semicolons or spaces.
 * @param {string} text
 */
export function items(text) {
  return text.split(/[\s,;]+/).filter(Boolean);
}

/**
 * Returns a function that reads the names of the rows.
 * @param {HTMLFormElement} form
 * @param {{ kinds: Kind[], samplers: string[], limits: { rows: number } }} setup
 * @returns {() => string[]}
 */
export function makeRows(form, { kinds, samplers, limits }) {
  const [list, alphas] = [find(form, ".pds-chosen"), find(form, ".pds-alphas")];
  const add = find(form, ".pds-add", HTMLButtonElement);
  const control = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
  const kindOf = (/** @type {HTMLSelectElement} */ menu) =>
    /** @type {Kind} */ (kinds.find(({ name }) => name === menu.value));

  function partsOf(/** @type {Element} */ row) {
    return {
      menu: find(row, "select", HTMLSelectElement),
      box: find(row, "input", HTMLInputElement),
      remove: find(row, "button", HTMLButtonElement),
    };
  }

  // Labels follow the rows' places, and the last row stays.
  function update() {
    const rows = [...list.children];
    rows.forEach((row, i) => {
      const { menu, box, remove } = partsOf(row);
      const { strength, optional } = kindOf(menu);
      menu.setAttribute("aria-label", `Sampler of row ${i + 1}`);
      box.setAttribute("aria-label", `${strength} of row ${i + 1}`);
      box.placeholder = optional ? "best" : strength;
      box.hidden = !strength;
      remove.setAttribute("aria-label", `Remove row ${i + 1}`);
      remove.disabled = rows.length === 1;
    });
    add.disabled = rows.length >= limits.rows;
  }

  // Adds a row for a sampler such as "pds:5", and returns its menu.
  function append(/** @type {string} */ sampler) {
    const [kind, strength = ""] = sampler.split(":");
    const row = document.createElement("li");
    const menu = document.createElement("select");
    const box = Object.assign(document.createElement("input"), { type: "text", inputMode: "decimal", value: strength });
    const remove = Object.assign(document.createElement("button"), { type: "button", textContent: "Remove" });
    menu.append(...kinds.map(({ name, title }) => new Option(title, name)));
    menu.value = kind;
    menu.addEventListener("change", () => {
      const { strength, optional } = kindOf(menu);
      box.value = strength && !optional ? box.value || "5" : "";
      update();
    });
    remove.addEventListener("click", () => {
      const next = row.nextElementSibling ?? row.previousElementSibling;
      row.remove();
      update();
      next?.querySelector("select")?.focus();
    });
    row.append(menu, box, remove);
    list.append(row);
    update();
    return menu;
  }

  const isByAlpha = () => control("rows").value === "alphas";

  function arrange() {
    alphas.hidden = !isByAlpha();
    list.hidden = add.hidden = isByAlpha();
  }

  samplers.forEach(append);
  add.addEventListener("click", () => append("pds:10").focus());
  for (const radio of findAll(form, "[name=rows]")) radio.addEventListener("change", arrange);
  arrange();

  return () => {
    if (isByAlpha()) return items(control("alphas").value).map((alpha) => `pds:${alpha}`);
    return [...list.children].map((row) => {
      const { menu: { value: kind }, box } = partsOf(row);
      return box.hidden || !box.value.trim() ? kind : `${kind}:${box.value.trim()}`;
    });
  };
}
