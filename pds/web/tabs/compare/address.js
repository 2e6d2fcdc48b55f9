// The address bar: settings and tab as a link, written without a word to the server.
//
// On Hugging Face the page is a frame within the page of its Space, whose address bar people see and
// share. That page hands its query to the frame when it is opened, and takes a new one by message; its
// documentation promises the second for Docker and static Spaces only, so `link` does not rely on it.
//
// Source: huggingface.co/docs/hub/spaces-handle-url-parameters, read in August 2026.

import { closest, findAll } from "../../static/dom.js";
import { answered } from "../../static/server.js";

/**
 * @import { ServerFunction } from "../../static/server.js"
 * @import { FormRequest, Setup } from "./controls.js"
 * @import { Request } from "./names.js"
 */

const TAB = "-tab-button";
const BUTTON = `[role=tab][id$="${TAB}"]`;
const SPACES = "https://huggingface.co";

/** Without what the host adds for the frame alone, such as the key of a private Space. @param {URLSearchParams} query */
function outward(query) {
  return new URLSearchParams([...query].filter(([name]) => !name.startsWith("__") || name === "__theme")).toString();
}

/**
 * Chooses the tab of a link. Tabs are drawn after their first pane.
 * @param {string} name
 * @returns {Promise<string>} what is wrong with the name, or ""
 */
async function select(name) {
  for (let tries = 0; tries < 50; tries++) {
    const buttons = findAll(document, `#tabs ${BUTTON}`);
    const button = buttons.find(({ id }) => id === name + TAB);
    if (button) {
      button.click();
      return "";
    }
    const known = buttons.map(({ id }) => id.slice(0, -TAB.length));
    if (buttons.length > 1) return `tab must be one of ${known.join(", ")}, got '${name}'`;
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  return "";
}

/** The keys that tabs have elsewhere; gradio's have none. @param {KeyboardEvent} event */
function moveAmongTabs(event) {
  const button = closest(event.target, BUTTON);
  const move = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
  if (!button || !move) return;
  event.preventDefault();
  const all = findAll(/** @type {HTMLElement} */ (button.parentElement), "[role=tab]");
  const at = all.indexOf(button) + move;
  const next = Number.isFinite(at) ? all.at(at % all.length) : all.at(at > 0 ? -1 : 0);
  next?.focus();
  next?.click();
}

/**
 * @param {Setup} setup
 * @param {() => FormRequest} read
 * @param {Record<string, ServerFunction>} server
 */
export function makeAddress(setup, read, server) {
  const isFramed = window.parent !== window;
  const names = /** @type {(keyof Request)[]} */ (Object.keys(setup.defaults));
  let settling = 0;
  let tab = "compare"; // the last one chosen; gradio may take a while to show it
  const linked = new URLSearchParams(location.search);
  /** @type {Record<string, string | null>} */
  const steps = { [linked.get("tab") ?? ""]: linked.get("step") }; // where the reader of a tab is
  let opening = true; // the link is still being read, so it must not be overwritten

  /**
   * As request_text.given: some fields only where they differ, some only without a name on the right.
   * @param {keyof Request} name
   * @param {FormRequest} request
   */
  function isWritten(name, request) {
    if (setup.optional.includes(name)) return request[name] !== setup.defaults[name];
    return !(request.right && setup.named.includes(name));
  }

  // A visitor's own model has a name that only this page knows: it stays out of the address.
  function write() {
    if (opening) return;
    const [query, request] = [new URLSearchParams(location.search), read()];
    const known = setup.models.some(({ name }) => name === request.model);
    for (const name of names) {
      const value = request[name];
      if (known && isWritten(name, request)) query.set(name, String(typeof value === "boolean" ? Number(value) : value));
      else query.delete(name);
    }
    query.set("tab", tab);
    const step = steps[tab];
    if (step) query.set("step", step);
    else query.delete("step");
    history.replaceState(history.state, "", "?" + query + location.hash);
    if (isFramed) window.parent.postMessage({ queryString: outward(query) }, SPACES);
  }

  // Browsers allow about three changes of the address a second.
  function update() {
    clearTimeout(settling);
    settling = setTimeout(write, 350);
  }

  document.addEventListener("click", ({ target }) => {
    const button = closest(target, BUTTON);
    if (!button) return;
    tab = button.id.slice(0, -TAB.length);
    update();
  });

  document.addEventListener("pds-place", (event) => {
    const { detail } = /** @type {CustomEvent<{ tab: string, step: string }>} */ (event);
    steps[detail.tab] = detail.step;
    update();
  });

  document.addEventListener("keydown", moveAmongTabs);

  return {
    update,
    // A link that others can open: from within a frame of a Space to the Space's page, where they are
    // signed in and draw on their own share of GPU time; elsewhere to this one.
    link: (/** @type {string} */ query) =>
      `${(isFramed && setup.space) || location.origin + location.pathname}?${query}&tab=compare`,
    /**
     * Reads the settings and the tab of the link.
     * @returns {Promise<{ request?: Request, given?: object, sentence: string, here: boolean }>} given: the
     *   fields of the link; sentence: what is wrong with it, or ""; here: whether its tab is the comparison
     */
    async open() {
      const query = new URLSearchParams(location.search);
      const settings = names.some((name) => query.has(name))
        ? await answered(server.open_settings({ query: location.search }))
        : {};
      const wrong = query.has("tab") ? await select(query.get("tab") ?? "") : "";
      opening = false;
      return { ...settings, sentence: settings.error || settings.sentence || wrong, here: tab === "compare" };
    },
  };
}
