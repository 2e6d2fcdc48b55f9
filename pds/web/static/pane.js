// Panes: controls ask the server, figures and sentences show its answer.

import { answered } from "./server.js";
import { makeDial } from "./slider.js";

// plotly comes from this server, once, when the first figure is drawn.
export function plotly() {
  window.pdsPlotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "plotly.min.js";
    script.onload = () => resolve((window.pdsPlotlyReady = window.Plotly));
    script.onerror = () => reject(new Error("plotly did not load"));
    document.head.append(script);
  });
  return window.pdsPlotly;
}

// Asks for the newest state only, one question at a time.
export function makeAsker(ask, show) {
  let wanted = null;
  let busy = false;
  return async (question) => {
    wanted = question;
    if (busy) return;
    busy = true;
    while (wanted) {
      const asked = wanted;
      wanted = null;
      const answer = await answered(ask(asked));
      if (!wanted || !answer.error) await show(answer);
    }
    busy = false;
  };
}

// Every named control of a root, read and written as one object.
export function makeValues(root, onInput) {
  const dials = new Map();
  const named = [...root.querySelectorAll("[name]")];
  for (const node of named) {
    if (node.type === "range") dials.set(node.name, makeDial(node, onInput));
    else node.addEventListener("input", onInput);
  }
  return {
    read() {
      const values = {};
      for (const node of named) {
        if (node.type === "range") values[node.name] = dials.get(node.name).read();
        else if (node.type === "checkbox") values[node.name] = node.checked;
        else if (node.type !== "radio") values[node.name] = node.value;
        else if (node.checked) values[node.name] = node.value;
      }
      return values;
    },
    write(name, value) {
      if (dials.has(name)) dials.get(name).write(value);
      else named.find((node) => node.name === name).value = value;
    },
  };
}

export function merged(base, patch) {
  const out = { ...base };
  for (const key in patch) {
    const both = patch[key]?.constructor === Object && out[key]?.constructor === Object;
    out[key] = both ? merged(out[key], patch[key]) : patch[key];
  }
  return out;
}

// Figures come in one gray, which is too faint to read on white: their text takes the page's own.
const GRAY = "#868b92";

export function inked(value, ink) {
  if (value === GRAY) return ink;
  if (Array.isArray(value)) return typeof value[0] === "number" ? value : value.map((v) => inked(v, ink));
  if (value?.constructor !== Object) return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, inked(v, ink)]));
}

// Where a page has a <base>, plotly notes its address with a figure's first drawing and clips curves
// by it. Ours changes with the settings, and the clips would then be sought in another document.
function sameDocument(node, react, ...drawn) {
  const base = node._context ? null : document.querySelector("base[href]");
  const href = base?.getAttribute("href");
  base?.removeAttribute("href");
  try {
    return react(node, ...drawn);
  } finally {
    base?.setAttribute("href", href);
  }
}

const PLOT_OPTIONS = { displayModeBar: false, responsive: true, scrollZoom: false, doubleClick: false };

let webgl = null; // whether this browser draws figures in space; null until it is tried

function hasWebGL() {
  const context = document.createElement("canvas").getContext("webgl");
  context?.getExtension("WEBGL_lose_context")?.loseContext(); // a browser has few of them
  return context !== null;
}

// The sentence of a figure in space, in place of it, where the browser has no WebGL.
function drawFlat(node) {
  const sentence = Object.assign(document.createElement("p"), { textContent: node.dataset.flat });
  node.replaceChildren(sentence);
  node.classList.add("flat");
  node.dataset.label = node.dataset.flat.replace(/\.$/, "");
  node.setAttribute("aria-label", node.dataset.label);
  node.removeAttribute("tabindex");
}

// A browser may take WebGL away at any time, from a page in the background or when the graphics
// driver restarts. plotly then waits for the lost context without end, so the figure is drawn anew
// once it is in view, and a stand-in ends the wait.
function redrawWhenLost(node, purge) {
  const seen = new IntersectionObserver((entries) => {
    if (!entries.at(-1).isIntersecting) return;
    seen.disconnect();
    webgl = null;
    const lost = node._fullLayout?.scene?._scene;
    purge(node);
    if (lost) Object.assign(lost, { glplot: { gl: { isContextLost: () => false } }, initializeGLPlot: () => true, plot() {} });
    node.pdsDraw();
  });
  node.addEventListener("webglcontextlost", (event) => {
    event.stopPropagation();
    seen.observe(node);
  }, true);
}

export async function draw(node, traces, layout) {
  if (node.dataset.flat && !(webgl ??= hasWebGL())) return drawFlat(node);
  const { react, purge } = await plotly();
  if (node.dataset.flat && !node.pdsDraw) redrawWhenLost(node, purge);
  node.pdsDraw = () => draw(node, traces, layout);
  await sameDocument(node, react, traces, layout, PLOT_OPTIONS);
}

// What it is, and the sentence that was computed for it or else for its neighbors.
export function described(node, answer, name) {
  const [sentence] = [answer.text?.[name], ...Object.values(answer.text ?? {})].filter(Boolean);
  return [node.dataset.label, sentence].filter(Boolean).join(". ");
}

// Shows an answer {plots, layouts, text, images, error} in a root: figures by data-plot, sentences
// by data-text, pictures by data-image. A figure's sentence is its text alternative.
export async function showAnswer(root, answer, layouts) {
  const complaint = root.querySelector(".pds-error");
  complaint.textContent = answer.error ?? "";
  complaint.hidden = !answer.error;
  if (answer.error) return;
  for (const [name, text] of Object.entries(answer.text ?? {})) {
    const node = root.querySelector(`[data-text="${name}"]`);
    if (node.textContent !== text) node.textContent = text;
  }
  for (const [name, source] of Object.entries(answer.images ?? {})) {
    const image = root.querySelector(`[data-image="${name}"]`);
    image.src = "data:image/png;base64," + source;
    image.dataset.label ??= image.alt;
    image.alt = described(image, answer, name);
  }
  const ink = getComputedStyle(root).getPropertyValue("--soft");
  for (const [name, traces] of Object.entries(answer.plots ?? {})) {
    const node = root.querySelector(`[data-plot="${name}"]`);
    const layout = merged(layouts[name], answer.layouts?.[name]);
    await draw(node, inked(traces, ink), { ...inked(layout, ink), uirevision: "keep" });
    node.dataset.label ??= node.getAttribute("aria-label");
    node.setAttribute("aria-label", described(node, answer, name));
    for (const part of [...node.children, document.querySelector("#js-plotly-tester")]) {
      part?.setAttribute("aria-hidden", "true"); // the sentence stands for it
    }
  }
  root.dataset.answered = Number(root.dataset.answered ?? 0) + 1;
}
