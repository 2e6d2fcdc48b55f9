// Comparisons worth a look: each samples its request, and says what to look at in that run.

import { find } from "../../static/dom.js";
import { compare } from "../../static/tabs.js";

/** @import { Request } from "./names.js" */
/** @import { Player } from "./player.js" */
/** @typedef {{ name: string, title: string, request: Request, sentence: string, blind: boolean }} Preset */

/**
 * @param {HTMLElement} root
 * @param {Player} player
 * @param {{ presets: Preset[], defaults: Request }} setup
 */
export function makePresets(root, player, { presets, defaults }) {
  const row = find(root, ".pds-presets [role=group]");
  const sentence = find(root, ".pds-presets p");
  const blind = find(root, ".pds-blind-switch input", HTMLInputElement);
  let refusal = ""; // of the link, until another run

  function choose(/** @type {Preset} */ preset) {
    if (blind.checked !== preset.blind) blind.click();
    compare(preset.request);
  }

  const buttons = presets.map((preset) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: preset.title });
    button.addEventListener("click", () => choose(preset));
    return button;
  });
  row.append(...buttons);

  function say(/** @type {string} */ text) {
    if (sentence.textContent !== text) sentence.textContent = text;
    sentence.hidden = !text;
  }

  /** A sentence holds for every seed. @param {Preset} preset @param {Record<string, unknown>} request */
  const samples = (preset, request) =>
    Object.entries(preset.request).every(([name, value]) => name === "seed" || request[name] === value);

  // The run on screen may come from a link, or from settings by hand.
  root.addEventListener("pds-step", () => {
    const request = player.shown()?.header.request;
    if (!request) return;
    const at = presets.findIndex((preset) => samples(preset, { ...request }));
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === at)));
    if (root.dataset.state === "running") refusal = "";
    say(presets[at]?.sentence ?? refusal);
  });

  // A link with settings of its own needs no preset.
  const query = new URLSearchParams(location.search);
  const name = query.get("preset");
  if (name === null || Object.keys(defaults).some((field) => query.has(field))) return;
  query.delete("preset");
  history.replaceState(history.state, "", `?${query}${location.hash}`);
  const linked = presets.find((preset) => preset.name === name);
  if (linked) choose(linked);
  else say((refusal = `preset must be one of ${presets.map((preset) => preset.name).join(", ")}, got '${name}'.`));
}
