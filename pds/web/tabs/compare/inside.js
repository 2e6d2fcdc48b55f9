// Inside one iteration: its arithmetic for both sides, computed again by the server on request.

import { makeRun } from "../../static/runs.js";
import { paired } from "./arithmetic.js";
import { linkTerms } from "./lights.js";
import { block } from "./substeps.js";

const PAUSE = 350; // milliseconds that a step stays on screen before its arithmetic is requested
const REMEMBERED = 8; // answers kept for scrubbing back
const PREFIX = "inside "; // of the runs, whose messages come between those of the samplers

// The buttons that choose a picture; `choose` is called with its index.
function makeChoice(group, choose) {
  group.addEventListener("click", ({ target }) => {
    if (!target.matches("button")) return;
    const image = Number(target.textContent) - 1;
    choose(image);
    group.querySelectorAll("button")[image].focus();
  });
  return (count, image) => {
    const buttons = Array.from({ length: count }, (_, i) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: i + 1 });
      button.setAttribute("aria-pressed", i === image);
      return button;
    });
    group.hidden = count < 2;
    group.replaceChildren("Picture ", ...buttons);
  };
}

// What is said above the arithmetic: `say` with the share of a replay that is done, and `complain`.
function makeStatus(details) {
  const [line, bar, complaint] = ["[role=status]", "progress", ".pds-inside-error"].map((s) => details.querySelector(s));
  function say(sentence, share) {
    line.textContent = sentence;
    bar.hidden = share === undefined;
    if (share) bar.value = share;
    else bar.removeAttribute("value");
  }
  function complain(sentence) {
    complaint.textContent = sentence;
    complaint.hidden = !sentence;
  }
  return { say, complain };
}

export function makeInside(root, player, { props, server, trigger, watch }) {
  const details = root.querySelector(".pds-inside");
  const container = details.querySelector(".pds-inside-steps");
  const { say, complain } = makeStatus(details);
  const release = linkTerms(container);
  const answers = new Map(); // by question
  let asked = null; // the question that is answered, or on its way
  let key = ""; // it and the order of the sides, as text
  let image = 0;
  let timer = 0;
  const showChoice = makeChoice(details.querySelector("[role=group]"), (chosen) => {
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

  function accept(message) {
    if (message.kind === "replay") return say("Computing the iteration again…", message.share);
    answers.set(JSON.stringify(asked), message);
    if (answers.size > REMEMBERED) answers.delete(answers.keys().next().value);
    run.end();
    show(message);
  }

  function show(message) {
    const { header: { lengths }, order } = player.shown();
    release();
    container.replaceChildren(...paired(message, order).map((sides) => block(sides, message)));
    const cropped = message.cropped ? `, its middle ${message.cropped} × ${message.cropped} pixels` : "";
    const where = [...new Set(order.map((chain) => `${message.iterations[chain]} of ${lengths[chain]}`))].join(" and ");
    complain("");
    say(`Iteration ${where}, picture ${image + 1} (seed ${message.seed})${cropped}`);
    container.inert = false;
  }

  function refresh() {
    const next = question();
    const text = next && JSON.stringify([next, player.shown().order]);
    if (text === key) return;
    leave();
    [asked, key] = [next, text];
    container.inert = true; // it shows another iteration
    complain("");
    say(root.dataset.state === "running" ? "Available when the run has ended." : "");
    const known = asked && answers.get(JSON.stringify(asked));
    if (asked) showChoice(asked.num_images, image);
    if (known) show(known);
    else if (asked) timer = setTimeout(() => run.start(asked), PAUSE);
  }

  details.addEventListener("toggle", refresh);
  root.addEventListener("pds-step", refresh);
  new MutationObserver(refresh).observe(root, { attributeFilter: ["data-state", "data-blind"] });
  watch("value", () => props.value?.startsWith(`{"run":"${PREFIX}`) && run.accept(JSON.parse(props.value)));
}
