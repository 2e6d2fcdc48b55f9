// Continue from an iteration of either side with another sampler: both futures side by side.

import { find, findAll } from "../../static/dom.js";
import { capital } from "../../static/format.js";
import { answered } from "../../static/server.js";
import { compare } from "../../static/tabs.js";
import { branched, namesOf, spelled, stepsEach, stepsOf, withCount } from "./names.js";
import { offer } from "./sides.js";

/**
 * @import { ServerFunction } from "../../static/server.js"
 * @import { Header } from "./moments.js"
 * @import { Kind, Request } from "./names.js"
 * @import { Player } from "./player.js"
 */

/**
 * The sampler that made a state, and what it had left. Up to where a branch begins it is the first one's.
 * @param {NonNullable<ReturnType<Player["shown"]>>} shown
 * @param {number} chain
 */
function stateOf({ header, numbers }, chain) {
  const { num_steps: n } = header.request;
  const after = /** @type {number[]} */ (numbers.iterations)[chain];
  let first = withCount(namesOf(header.request)[chain], n);
  let length = header.lengths[chain];
  for (let branch = branched(first); branch && after <= branch.after; branch = branched(first)) {
    first = withCount(branch.first, n);
    length = stepsOf(first, n);
  }
  return { first, after, left: Math.max(1, Math.round((length - after) / stepsEach(first))), ended: after >= length };
}

/**
 * @param {HTMLElement} root
 * @param {Player} player
 * @param {{ samplers: Kind[], models: { name: string }[], limits: { num_steps: number } }} setup
 * @param {Record<string, ServerFunction>} server
 */
export function makeBranch(root, player, setup, server) {
  const form = find(root, ".pds-branch");
  const [side, kind] = ["of", "then"].map((name) => find(form, `[name=${name}]`, HTMLSelectElement));
  const count = find(form, "[name=then_steps]", HTMLInputElement);
  const [after, unit, hint, errorLine] = [".pds-branch-after", ".pds-branch-unit", ".pds-branch-hint", ".pds-branch-error"].map((s) => find(form, s));
  const button = find(form, "button", HTMLButtonElement);
  const kinds = new Map(setup.samplers.map((sampler) => [sampler.name, sampler]));
  const boxes = findAll(form, "[data-strength]");
  for (const { name, title } of kinds.values()) kind.append(new Option(title, name));
  kind.value = "pds";
  count.max = String(setup.limits.num_steps);
  let counted = false; // whether the visitor has chosen the number of steps
  let isRequested = false; // whether the server is checking a branch

  const strength = () => kinds.get(kind.value)?.strength ?? "";

  function state() {
    const shown = player.shown();
    return shown && stateOf(shown, Number(side.value || 0));
  }

  function nameSides(/** @type {Header} */ { labels }) {
    const names = labels.map((label, chain) => capital(label) + (labels[0] === labels[1] ? [", left", ", right"][chain] : ""));
    if (names.join() === [...side.options].map((option) => option.text).join()) return;
    const chosen = side.value || "0";
    side.replaceChildren(...names.map((name, chain) => new Option(name, String(chain))));
    side.value = chosen;
  }

  function complain(/** @type {string} */ sentence) {
    errorLine.textContent = sentence;
    errorLine.hidden = !sentence;
  }

  function show() {
    const shown = player.shown();
    const busy = root.dataset.state === "running" || isRequested;
    for (const label of boxes) label.hidden = label.dataset.strength !== strength();
    if (shown) {
      nameSides(shown.header);
      offer(kind, setup.models.some(({ name }) => name === shown.header.request.model));
    }
    const from = state();
    const open = from !== null && !from.ended && !busy;
    after.textContent = from ? String(from.after) : "–";
    if (!counted) count.value = from && !from.ended ? String(from.left) : "";
    unit.textContent = count.value === "1" ? "iteration" : "iterations";
    button.disabled = !open;
    const replay = from && `Replays the first ${from.after === 1 ? "iteration" : `${from.after} iterations`}, then shows both futures side by side.`;
    hint.textContent = open || busy ? replay ?? "" : "Move the timeline to an iteration before the last one.";
  }

  /**
   * The request of both futures: the run on screen as it was, and its branch.
   * @param {Request} request of the run on screen
   * @param {ReturnType<typeof stateOf>} state
   */
  function futures(request, { first, after, left }) {
    const value = strength() && find(form, `[name=then_${strength()}]`, HTMLInputElement).value;
    const then = spelled({ kind: kind.value, strength: value, count: count.value || left });
    return { ...request, left: first, right: `${first}/${after}/${then}` };
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    complain("");
    const [shown, from] = [player.shown(), state()];
    if (!shown || !from) return;
    const request = futures(shown.header.request, from);
    isRequested = true;
    show();
    const answer = await answered(server.branch(request));
    isRequested = false;
    show();
    if (answer.error) return complain(answer.error);
    compare(request);
    find(root, ".pds-panel").scrollIntoView({ block: "nearest" });
  });
  count.addEventListener("input", () => (counted = count.value !== ""));
  for (const type of ["input", "change"]) form.addEventListener(type, show);
  root.addEventListener("pds-step", show);
  new MutationObserver(show).observe(root, { attributeFilter: ["data-state"] });
  show();
}
