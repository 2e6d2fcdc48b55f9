// Requests to the server, and its answers as figures, sentences and pictures.

import { find } from "./dom.js";
import { drawFigure, merged } from "./plots.js";
import { answered } from "./server.js";

/**
 * What the server answers.
 * @typedef {object} Answer
 * @property {string} [error] one sentence, in place of everything else
 * @property {Record<string, object[]>} [plots] traces by figure
 * @property {Record<string, object>} [layouts] changes of their layouts
 * @property {Record<string, string>} [text] sentences
 * @property {Record<string, string>} [images] PNG files in base64
 */

/**
 * Sends one request at a time. Of the requests made meanwhile only the newest is sent, and an error is
 * shown only if no newer request waits.
 * @template Request
 * @param {(request: Request) => Promise<any>} send
 * @param {(answer: any) => void | Promise<void>} show
 * @returns {(request: Request) => Promise<void>}
 */
export function makeRequester(send, show) {
  /** @type {Request | null} */
  let next = null;
  let busy = false;
  return async (request) => {
    next = request;
    if (busy) return;
    busy = true;
    try {
      while (next) {
        const current = next;
        next = null;
        const answer = await answered(send(current));
        if (!next || !answer.error) await show(answer);
      }
    } finally {
      busy = false;
    }
  };
}

/**
 * The text alternative of a figure or picture: its label, and its sentence or else the answer's first.
 * @param {string | undefined} label
 * @param {Answer} answer
 * @param {string} name
 */
export function description(label, { text = {} }, name) {
  const [sentence] = [text[name], ...Object.values(text)].filter(Boolean);
  return [label, sentence].filter(Boolean).join(". ");
}

/**
 * Shows an answer in a root: figures by data-plot, sentences by data-text, pictures by data-image.
 * @param {HTMLElement} root
 * @param {Answer} answer
 * @param {Record<string, object>} layouts of the figures
 */
export async function showAnswer(root, answer, layouts) {
  const complaint = find(root, ".pds-error");
  complaint.textContent = answer.error ?? "";
  complaint.hidden = !answer.error;
  if (answer.error) return;
  for (const [name, text] of Object.entries(answer.text ?? {})) {
    const node = find(root, `[data-text="${name}"]`);
    if (node.textContent !== text) node.textContent = text;
  }
  for (const [name, source] of Object.entries(answer.images ?? {})) {
    const image = find(root, `[data-image="${name}"]`, HTMLImageElement);
    image.src = "data:image/png;base64," + source;
    image.dataset.label ??= image.alt;
    image.alt = description(image.dataset.label, answer, name);
  }
  for (const [name, traces] of Object.entries(answer.plots ?? {})) {
    const node = find(root, `[data-plot="${name}"]`);
    await drawFigure(node, traces, merged(layouts[name], answer.layouts?.[name]));
    node.dataset.label ??= node.getAttribute("aria-label") ?? "";
    node.setAttribute("aria-label", description(node.dataset.label, answer, name));
    for (const part of [...node.children, document.querySelector("#js-plotly-tester")]) {
      part?.setAttribute("aria-hidden", "true"); // the sentence stands for it
    }
  }
  root.dataset.answered = String(Number(root.dataset.answered ?? 0) + 1);
}
