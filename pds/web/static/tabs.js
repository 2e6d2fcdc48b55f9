// From one tab to another.

import { find } from "./dom.js";

/**
 * What tabs are to show, by name. A tab takes it when it is drawn, which may be later than the request.
 * @type {Map<string, object>}
 */
const requests = new Map();

/**
 * Chooses a tab.
 * @param {string} name
 */
export function openTab(name) {
  find(document, `#${name}-tab-button`).click();
}

/**
 * Samples a comparison.
 * @param {object} request some of its fields; the others stay as they are
 */
export function compare(request) {
  find(document, "#stage .pds").dispatchEvent(new CustomEvent("compare", { detail: request }));
}

/**
 * Chooses a tab, which then shows what is requested.
 * @param {string} name
 * @param {object} request
 */
export function openTabWith(name, request) {
  requests.set(name, request);
  openTab(name);
  document.dispatchEvent(new Event(`pds-${name}`));
}

/**
 * Calls `show` with each request for a tab, also with one that was made before.
 * @param {string} name
 * @param {(request: any) => void} show
 * @returns {boolean} whether one was
 */
export function onRequest(name, show) {
  const take = () => {
    const request = requests.get(name);
    if (request) show(request);
    return requests.delete(name);
  };
  document.addEventListener(`pds-${name}`, take);
  return take();
}
