// The tab "Compare": makes its parts and connects them.

import { find, findAll } from "../../static/dom.js";
import { openTabWith } from "../../static/tabs.js";
import { makeAddress } from "./address.js";
import { makeBlind } from "./blind.js";
import { makeBranch } from "./branch.js";
import { makeControls } from "./controls.js";
import { makeEstimate } from "./estimate.js";
import { fitFirstScreen } from "./first_screen.js";
import { makeInside } from "./inside.js";
import { makeKeep } from "./keep.js";
import { makePlayer } from "./player.js";
import { makePresets } from "./presets.js";
import { makeSampling } from "./sampling.js";
import { makeStatus } from "./status.js";
import { makeStopped } from "./stopped.js";

/**
 * @import { Component } from "../../static/server.js"
 * @import { Controls, FormRequest, Setup } from "./controls.js"
 * @import { Request } from "./names.js"
 * @import { Player } from "./player.js"
 */

/**
 * @typedef {object} Parts
 * @property {ReturnType<typeof makeSampling>} run
 * @property {() => void} sample samples the settings
 * @property {(fields: Partial<Request>) => void} settle writes fields of the settings
 * @property {() => boolean} isSampled whether the page has shown another run than the one that it opened with
 * @property {Player} player
 * @property {Controls} controls
 * @property {ReturnType<typeof makeEstimate>} estimate
 * @property {ReturnType<typeof makeAddress>} address
 * @property {ReturnType<typeof makeStatus>} status
 */

/** @param {Component<Setup>} component */
export function start(component) {
  const { element, props, server, trigger } = component;
  const root = find(element, ".pds");
  const form = find(root, "form", HTMLFormElement);
  const { setup } = props;
  const player = makePlayer(root);
  const status = makeStatus(root);
  const controls = makeControls(root, form, setup, refresh);
  const estimate = makeEstimate(form, setup, controls, server);
  const address = makeAddress(setup, controls.read, server);
  let sampled = false;
  const run = makeSampling(root, {
    player,
    status,
    trigger,
    onStart() {
      sampled = true;
      address.update();
    },
    onEnd() {
      if (sampled) estimate.refresh();
    },
  });
  const sample = () => run.start(controls.read());

  function refresh() {
    address.update();
    estimate.show();
    controls.mark(player.drawn());
  }

  function settle(/** @type {Partial<Request>} */ fields) {
    controls.write({ ...controls.read(), ...fields });
    refresh();
  }

  const parts = { run, sample, settle, isSampled: () => sampled, player, controls, estimate, address, status };
  fitFirstScreen(root);
  connect(root, form, parts);
  connectFilter(root, controls);
  makeKeep(root, server, {
    read: controls.read,
    run: () => player.kept(setup.limits.pixels),
    complain: status.complain,
    link: address.link,
    restore(request, sentence) {
      status.complain("");
      settle(request);
      estimate.refresh();
      if (!run.current()) status.say(sentence);
    },
  });
  openPage(component, parts);
  makeBlind(root, player, setup);
  makePresets(root, player, setup);
  makeBranch(root, player, setup, server);
  makeInside(root, player, component);
  makeStopped(root, player);
}

/**
 * The events of the controls, and those by which other parts of the page write fields of a request
 * ("settle") and sample it ("compare").
 * @param {HTMLElement} root
 * @param {HTMLFormElement} form
 * @param {Parts} parts
 */
function connect(root, form, { run, sample, settle, controls, player, estimate }) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sample();
  });
  find(form, "[name=model]").addEventListener("change", estimate.adapt);
  root.addEventListener("pds-step", () => controls.mark(player.drawn()));
  const fieldsOf = (/** @type {Event} */ event) => /** @type {CustomEvent<Partial<Request>>} */ (event).detail;
  root.addEventListener("settle", (event) => settle(fieldsOf(event)));
  root.addEventListener("compare", (event) => {
    run.stop();
    settle(fieldsOf(event));
    sample();
  });
}

/**
 * The buttons that show the filter of the settings in its tab.
 * @param {HTMLElement} root
 * @param {Controls} controls
 */
function connectFilter(root, controls) {
  for (const button of findAll(root, ".pds-to-filter")) {
    button.addEventListener("click", () => openTabWith("filter", controls.filter()));
  }
}

/**
 * Opens the page with the run that it was shipped with, then with the settings of its link.
 * @param {Component<Setup>} component
 * @param {Parts} parts
 */
function openPage({ props, server, watch }, parts) {
  const { run, controls, estimate, status, isSampled } = parts;
  const shipped = props.value ? JSON.parse(props.value) : {};
  shipped.request = { ...props.setup.defaults, ...shipped.request }; // an older one lacks some fields
  watch("value", () => props.value && run.accept(JSON.parse(props.value)));
  controls.write(shipped.request);
  estimate.begin(controls.read().num_images);
  status.enter("idle", "");
  run.accept(shipped);
  server.recorded_run({}).then((text) => isSampled() || run.accept(JSON.parse(text)));
  openLink(shipped.request, parts);
}

/**
 * The settings of a link are sampled once, unless they are those of the run on show.
 * @param {Record<string, unknown>} opening the request of that run
 * @param {Parts} parts
 */
async function openLink(opening, { sample, controls, estimate, address, status }) {
  const { request, given, sentence, here } = await address.open();
  if (request) controls.write(request);
  status.complain(sentence);
  const isShown = Object.entries(request ?? {}).every(([name, value]) => opening[name] === value);
  if (given && here && !sentence && !isShown) sample();
  if (given) estimate.refresh();
  else estimate.adapt();
}
