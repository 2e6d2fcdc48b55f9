// Figures, drawn by plotly.

import { color } from "./theme.js";

/**
 * A figure's element; plotly notes its own state in it.
 * @typedef {HTMLElement & { _context?: object, _fullLayout?: any }} Figure
 */

const PLOT_OPTIONS = { displayModeBar: false, responsive: true, scrollZoom: false, doubleClick: false };

/** @type {Promise<any> | null} */
let loading = null;

/** Draws a figure again as it was. @type {WeakMap<Figure, () => Promise<void>>} */
const redraws = new WeakMap();

/** plotly, once it is loaded. @type {any} */
let plotly = null;

/** Whether this browser draws figures in space; null until it is tried. @type {boolean | null} */
let webgl = null;

/** Loads plotly from this server before the first figure. */
function loadPlotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "plotly.min.js";
    script.onload = () => resolve((plotly = /** @type {any} */ (window).Plotly));
    script.onerror = () => reject(new Error("plotly did not load"));
    document.head.append(script);
  });
  return loading;
}

/**
 * Changes the layout of a figure that is drawn, at once.
 * @param {Figure} node
 * @param {object} change
 */
export function relayout(node, change) {
  plotly?.relayout(node, change);
}

/**
 * An object with the values of another one in it, nested objects likewise.
 * @param {Record<string, any>} base
 * @param {Record<string, any>} [change]
 */
export function merged(base, change = {}) {
  const all = { ...base };
  for (const key in change) {
    const both = change[key]?.constructor === Object && all[key]?.constructor === Object;
    all[key] = both ? merged(all[key], change[key]) : change[key];
  }
  return all;
}

/**
 * Replaces a color wherever it stands in traces or a layout.
 * @param {any} value
 * @param {string} from
 * @param {string} to
 * @returns {any}
 */
export function recolored(value, from, to) {
  if (value === from) return to;
  if (Array.isArray(value)) return typeof value[0] === "number" ? value : value.map((v) => recolored(v, from, to));
  if (value?.constructor !== Object) return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, recolored(v, from, to)]));
}

// Where a page has a <base>, plotly notes its address with every drawing and clips curves by it. The
// address changes with the settings, so that the clips would refer to another document.
function withoutBase(/** @type {() => Promise<void>} */ drawing) {
  const base = document.querySelector("base[href]");
  const href = base?.getAttribute("href") ?? "";
  base?.removeAttribute("href");
  try {
    return drawing();
  } finally {
    base?.setAttribute("href", href);
  }
}

function hasWebGL() {
  const context = document.createElement("canvas").getContext("webgl");
  context?.getExtension("WEBGL_lose_context")?.loseContext(); // a browser has few of them
  return context !== null;
}

// Shows a sentence in place of a figure in space where the browser has no WebGL.
function showSentence(/** @type {Figure} */ node) {
  const sentence = node.dataset.flat ?? "";
  node.replaceChildren(Object.assign(document.createElement("p"), { textContent: sentence }));
  node.classList.add("flat");
  node.dataset.label = sentence.replace(/\.$/, "");
  node.setAttribute("aria-label", node.dataset.label);
  node.removeAttribute("tabindex");
}

// A browser may take WebGL away at any time: from a page in the background, or when the graphics driver
// restarts. plotly then waits for the lost context without end. A stand-in ends the wait, and the
// figure is drawn again when it is in view.
function redrawWhenLost(/** @type {Figure} */ node) {
  const seen = new IntersectionObserver((entries) => {
    if (!entries.at(-1)?.isIntersecting) return;
    seen.disconnect();
    webgl = null;
    const lost = node._fullLayout?.scene?._scene;
    plotly.purge(node);
    if (lost) Object.assign(lost, { glplot: { gl: { isContextLost: () => false } }, initializeGLPlot: () => true, plot() {} });
    redraws.get(node)?.();
  });
  node.addEventListener("webglcontextlost", (event) => {
    event.stopPropagation();
    seen.observe(node);
  }, true);
}

/**
 * Draws a figure. The server draws text in --neutral, which is too faint on white: --label replaces it.
 * @param {Figure} node
 * @param {object[]} traces
 * @param {object} layout
 */
export async function drawFigure(node, traces, layout) {
  const [gray, text] = [color(node, "neutral"), color(node, "label")];
  const ink = (/** @type {any} */ value) => recolored(value, gray, text);
  await draw(node, ink(traces), { ...ink(layout), uirevision: "keep" });
}

/**
 * @param {Figure} node
 * @param {object[]} traces
 * @param {object} layout
 */
async function draw(node, traces, layout) {
  if (node.dataset.flat && !(webgl ??= hasWebGL())) return showSentence(node);
  const { react } = await loadPlotly();
  if (node.dataset.flat && !redraws.has(node)) redrawWhenLost(node);
  redraws.set(node, () => draw(node, traces, layout));
  await withoutBase(() => react(node, traces, layout, PLOT_OPTIONS));
}
