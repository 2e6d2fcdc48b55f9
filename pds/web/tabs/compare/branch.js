// Continue from an iteration of either side with another sampler: both futures side by side.

import { capital } from "../../static/format.js";
import { answered } from "../../static/server.js";
import { branched, namesOf, spelled, stepsEach, stepsOf, withCount } from "./names.js";
import { offer } from "./sides.js";

// The sampler that made a state, and what it had left. Up to where a branch begins it is the first one's.
function stateOf({ header, numbers }, chain) {
  const { num_steps: n } = header.request;
  const after = numbers.iterations[chain];
  let first = withCount(namesOf(header.request)[chain], n);
  let length = header.lengths[chain];
  for (let branch = branched(first); branch && after <= branch.after; branch = branched(first)) {
    first = withCount(branch.first, n);
    length = stepsOf(first, n);
  }
  return { first, after, left: Math.max(1, Math.round((length - after) / stepsEach(first))), ended: after >= length };
}

export function makeBranch(root, player, setup, server) {
  const form = root.querySelector(".pds-branch");
  const find = (selector) => form.querySelector(selector);
  const { of: side, then: kind, then_steps: count } = form.elements;
  const [after, unit, hint, errorLine, button] = [".pds-branch-after", ".pds-branch-unit", ".pds-branch-hint", ".pds-branch-error", "button"].map(find);
  const kinds = new Map(setup.samplers.map((sampler) => [sampler.name, sampler]));
  const boxes = [...form.querySelectorAll("[data-strength]")];
  for (const { name, title } of kinds.values()) kind.append(new Option(title, name));
  kind.value = "pds";
  count.max = setup.limits.num_steps;
  let counted = false; // whether the visitor has chosen the number of steps
  let asking = false;

  const state = () => player.shown() && stateOf(player.shown(), Number(side.value || 0));

  function nameSides({ labels }) {
    const names = labels.map((label, chain) => capital(label) + (labels[0] === labels[1] ? [", left", ", right"][chain] : ""));
    if (names.join() === [...side.options].map((option) => option.text).join()) return;
    const chosen = side.value || "0";
    side.replaceChildren(...names.map((name, chain) => new Option(name, chain)));
    side.value = chosen;
  }

  function complain(sentence) {
    errorLine.textContent = sentence;
    errorLine.hidden = !sentence;
  }

  function show() {
    const shown = player.shown();
    const busy = root.dataset.state === "running" || asking;
    for (const label of boxes) label.hidden = label.dataset.strength !== kinds.get(kind.value).strength;
    if (shown) {
      nameSides(shown.header);
      offer(kind, setup.models.some(({ name }) => name === shown.header.request.model));
    }
    const from = state();
    const open = Boolean(from) && !from.ended && !busy;
    after.textContent = from ? from.after : "–";
    if (!counted) count.value = from && !from.ended ? from.left : "";
    unit.textContent = count.value === "1" ? "iteration" : "iterations";
    button.disabled = !open;
    const replay = from && `Replays the first ${from.after === 1 ? "iteration" : `${from.after} iterations`}, then shows both futures side by side.`;
    hint.textContent = open || busy ? replay ?? "" : "Move the timeline to an iteration before the last one.";
  }

  // The request of both futures: the run on screen as it was, and its branch.
  function futures() {
    const { first, after } = state();
    const { strength } = kinds.get(kind.value);
    const value = strength && form.elements[`then_${strength}`].value;
    const then = spelled({ kind: kind.value, strength: value, count: count.value || state().left });
    return { ...player.shown().header.request, left: first, right: `${first}/${after}/${then}` };
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    complain("");
    const request = futures();
    asking = true;
    show();
    const answer = await answered(server.branch(request));
    asking = false;
    show();
    if (answer.error) return complain(answer.error);
    root.dispatchEvent(new CustomEvent("compare", { detail: request }));
    root.querySelector(".pds-panel").scrollIntoView({ block: "nearest" });
  });
  count.addEventListener("input", () => (counted = count.value !== ""));
  for (const type of ["input", "change"]) form.addEventListener(type, show);
  root.addEventListener("pds-step", show);
  new MutationObserver(show).observe(root, { attributeFilter: ["data-state"] });
  show();
}
