// Inside one iteration: its arithmetic for both sides, computed again by the server on request.

import { closest, find, findAll } from "../../static/dom.js";
import { makeRun } from "../../static/runs.js";
import { paired } from "./arithmetic.js";
import { linkTerms } from "./lights.js";
import { substepSection } from "./substeps.js";

/**
 * @import { Component } from "../../static/server.js"
 * @import { Request } from "./names.js"
 * @import { Player } from "./player.js"
 * @import { Arithmetic } from "./substeps.js"
 */

/** @typedef {Request & { iterations: number[], image: number }} Question the iteration of both samplers, and a picture */

const PAUSE = 350; // milliseconds that a step stays on screen before its arithmetic is requested
const REMEMBERED = 8; // answers kept for scrubbing back
const PREFIX = "inside "; // of the runs, whose messages come between those of the samplers

/**
 * The buttons that choose a picture.
 * @param {HTMLElement} group
 * @param {(image: number) => void} choose
 * @returns {(count: number, image: number) => void} shows so many, and which one is chosen
 */
function makeChoice(group, choose) {
  group.addEventListener("click", ({ target }) => {
    const button = closest(target, "button");
    if (!button) return;
    const image = Number(button.textContent) - 1;
    choose(image);
    findAll(group, "button")[image].focus();
  });
  return (count, image) => {
    const buttons = Array.from({ length: count }, (_, i) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: String(i + 1) });
      button.setAttribute("aria-pressed", String(i === image));
      return button;
    });
    group.hidden = count < 2;
    group.replaceChildren("Image ", ...buttons);
  };
}

/** The sentences above the arithmetic. @param {HTMLElement} details */
function makeStatus(details) {
  const [line, complaint] = [find(details, "[role=status]"), find(details, ".pds-inside-error")];
  const bar = find(details, "progress", HTMLProgressElement);
  /** @param {string} sentence @param {number} [share] of a replay that is done */
  function say(sentence, share) {
    line.textContent = sentence;
    bar.hidden = share === undefined;
    if (share) bar.value = share;
    else bar.removeAttribute("value");
  }
  function complain(/** @type {string} */ sentence) {
    complaint.textContent = sentence;
    complaint.hidden = !sentence;
  }
  return { say, complain };
}

/**
 * @param {HTMLElement} root
 * @param {Player} player
 * @param {Component<object>} component
 */
export function makeInside(root, player, { props, server, trigger, watch }) {
  const details = find(root, ".pds-inside", HTMLDetailsElement);
  const container = find(details, ".pds-inside-steps");
  const { say, complain } = makeStatus(details);
  const release = linkTerms(container);
  /** @type {Map<string, Arithmetic>} */
  const answers = new Map(); // by question, as text
  /** @type {Question | null} */
  let current = null; // the question that is shown, or on its way
  /** @type {string | null} */
  let key = ""; // it and the order of the sides, as text
  let image = 0;
  let timer = 0;
  const showChoice = makeChoice(find(details, "[role=group]"), (chosen) => {
    image = chosen;
    refresh();
  });
  const run = makeRun(root, {
    start(request) {
      say("Computing the iteration again…", 0);
      trigger("look", request);
    },
    show: accept,
    fail(sentence) {
      say("");
      complain(sentence);
    },
  }, PREFIX);

  /** @returns {Question | null} what the player shows, null where its arithmetic is not shown */
  function question() {
    const shown = player.shown();
    if (!details.open || !shown || root.dataset.blind === "hidden" || root.dataset.state === "running") return null;
    const { header: { request }, numbers: { iterations } } = shown;
    image = Math.min(image, request.num_images - 1);
    return { ...request, iterations, image };
  }

  // A new replay ends an old one by itself.
  function leave() {
    clearTimeout(timer);
    const left = run.current();
    if (left) server.leave_inside({ run: left }).catch(() => {});
    run.end();
  }

  /** @param {Arithmetic & { kind: string } | { kind: "replay", share: number }} message */
  function accept(message) {
    if ("share" in message) return say("Computing the iteration again…", message.share);
    answers.set(JSON.stringify(current), message);
    const [oldest] = answers.keys();
    if (answers.size > REMEMBERED) answers.delete(oldest);
    run.end();
    show(message);
  }

  function show(/** @type {Arithmetic} */ message) {
    const shown = player.shown();
    if (!shown) return;
    const { header: { lengths }, order } = shown;
    release();
    container.replaceChildren(...paired(message, order).map((sides) => substepSection(sides, message)));
    const cropped = message.cropped ? `, its middle ${message.cropped} × ${message.cropped} pixels` : "";
    const where = [...new Set(order.map((chain) => `${message.iterations[chain]} of ${lengths[chain]}`))].join(" and ");
    complain("");
    say(`Iteration ${where}, image ${image + 1} (seed ${message.seed})${cropped}`);
    container.inert = false;
  }

  function refresh() {
    const next = question();
    const text = next && JSON.stringify([next, player.shown()?.order]);
    if (text === key) return;
    leave();
    [current, key] = [next, text];
    container.inert = true; // it shows another iteration
    complain("");
    say(root.dataset.state === "running" ? "Available when the run has ended." : "");
    if (!next) return;
    showChoice(next.num_images, image);
    const known = answers.get(JSON.stringify(next));
    if (known) show(known);
    else timer = setTimeout(() => run.start(next), PAUSE);
  }

  details.addEventListener("toggle", refresh);
  root.addEventListener("pds-step", refresh);
  new MutationObserver(refresh).observe(root, { attributeFilter: ["data-state", "data-blind"] });
  watch("value", () => {
    if (props.value?.startsWith(`{"run":"${PREFIX}`)) run.accept(JSON.parse(props.value));
  });
}
