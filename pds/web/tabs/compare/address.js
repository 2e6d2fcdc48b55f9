// The address bar: settings and tab as a link, written without a word to the server.
//
// On Hugging Face the page is a frame within the page of its Space, whose address bar people see and
// share. That page hands its query to the frame when it is opened, and takes a new one by message; its
// documentation promises the second for Docker and static Spaces only, so `link` does not rely on it.
//
// Source: huggingface.co/docs/hub/spaces-handle-url-parameters, read in August 2026.

import { answered } from "../../static/server.js";

const TAB = "-tab-button";
const SPACES = "https://huggingface.co";

// Without what the host adds for the frame alone, such as the key of a private Space.
function outward(query) {
  const names = [...query.keys()].filter((name) => !name.startsWith("__") || name === "__theme");
  return new URLSearchParams(names.map((name) => [name, query.get(name)])).toString();
}

export function makeAddress(setup, read, server) {
  const isFramed = window.parent !== window;
  const names = Object.keys(setup.defaults);
  let settling = 0;
  let tab = "compare"; // the last one chosen; gradio may take a while to show it
  const linked = new URLSearchParams(location.search);
  const steps = { [linked.get("tab")]: linked.get("step") }; // where the reader of a tab is
  let opening = true; // the link is still being read, so it must not be overwritten

  // As request_text.given: some fields only where they differ, some only without a name on the right.
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
      if (known && isWritten(name, request)) query.set(name, typeof value === "boolean" ? Number(value) : value);
      else query.delete(name);
    }
    query.set("tab", tab);
    if (steps[tab]) query.set("step", steps[tab]);
    else query.delete("step");
    history.replaceState(history.state, "", "?" + query + location.hash);
    if (isFramed) window.parent.postMessage({ queryString: outward(query) }, SPACES);
  }

  // Browsers allow about three changes of the address a second.
  function update() {
    clearTimeout(settling);
    settling = setTimeout(write, 350);
  }

  // Tabs are drawn after their first pane.
  async function select(name) {
    for (let tries = 0; tries < 50; tries++) {
      const buttons = [...document.querySelectorAll(`#tabs [role=tab][id$="${TAB}"]`)];
      const button = buttons.find(({ id }) => id === name + TAB);
      if (button) return button.click();
      const known = buttons.map(({ id }) => id.slice(0, -TAB.length));
      if (buttons.length > 1) return `tab must be one of ${known.join(", ")}, got '${name}'`;
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  }

  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.(`[role=tab][id$="${TAB}"]`);
    if (!button) return;
    tab = button.id.slice(0, -TAB.length);
    update();
  });

  document.addEventListener("pds-place", ({ detail }) => {
    steps[detail.tab] = detail.step;
    update();
  });

  // The keys that tabs have elsewhere; gradio's have none.
  document.addEventListener("keydown", (event) => {
    const button = event.target.closest?.(`[role=tab][id$="${TAB}"]`);
    const move = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (!button || !move) return;
    event.preventDefault();
    const all = [...button.parentElement.querySelectorAll("[role=tab]")];
    const at = all.indexOf(button) + move;
    const next = Number.isFinite(at) ? all.at(at % all.length) : all.at(at > 0 ? -1 : 0);
    next.focus();
    next.click();
  });

  return {
    update,
    // A link that others can open: from within a frame of a Space to the Space's page, where they are
    // signed in and draw on their own share of GPU time; elsewhere to this one.
    link: (query) => `${(isFramed && setup.space) || location.origin + location.pathname}?${query}&tab=compare`,
    // What the link asks for: { request, given, sentence }, and whether its tab is the comparison.
    async open() {
      const query = new URLSearchParams(location.search);
      const asked = names.some((name) => query.has(name))
        ? await answered(server.open_settings({ query: location.search }))
        : {};
      const wrong = query.has("tab") ? await select(query.get("tab")) : "";
      opening = false;
      return { ...asked, sentence: asked.error || asked.sentence || wrong || "", here: tab === "compare" };
    },
  };
}
