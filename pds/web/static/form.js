// The controls of a form.

import { makeDial } from "./slider.js";

/** @typedef {ReturnType<typeof makeValues>} Values */

/**
 * All named controls of a root, read and written as one object.
 * @param {Element} root
 * @param {() => void} onInput called when the visitor changes one
 */
export function makeValues(root, onInput) {
  /** @type {Map<string, ReturnType<typeof makeDial>>} */
  const dials = new Map();
  const named = /** @type {HTMLInputElement[]} */ ([...root.querySelectorAll("[name]")]);
  for (const node of named) {
    if (node.type === "range") dials.set(node.name, makeDial(node, onInput));
    else node.addEventListener("input", onInput);
  }
  return {
    read() {
      /** @type {Record<string, any>} */
      const values = {};
      for (const node of named) {
        if (node.type === "range") values[node.name] = dials.get(node.name)?.read();
        else if (node.type === "checkbox") values[node.name] = node.checked;
        else if (node.type !== "radio") values[node.name] = node.value;
        else if (node.checked) values[node.name] = node.value;
      }
      return values;
    },
    /**
     * @param {string} name
     * @param {any} value
     */
    write(name, value) {
      const control = named.find((node) => node.name === name);
      if (dials.has(name)) dials.get(name)?.write(value);
      else if (control) control.value = value;
    },
  };
}
