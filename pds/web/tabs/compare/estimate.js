// How long a run will take on this server, shown on the button that starts it, and how many images that allows.

import { find } from "../../static/dom.js";
import { about } from "../../static/format.js";
import { answered } from "../../static/server.js";
import { sum } from "./moments.js";

/** @import { ServerFunction } from "../../static/server.js" */

const STALE = 5000; // milliseconds after which the load of the server is requested again
const CALLS = 4; // network calls of an iteration of both samplers, as it was timed

/**
 * The settings that matter here.
 * @typedef {{ model: string, num_images: number }} Settings
 *
 * @param {HTMLFormElement} form
 * @param {{ quick: { images: number, seconds: number } }} setup
 * @param {object} controls
 * @param {() => Settings} controls.read
 * @param {() => number[]} controls.calls network calls of both samplers
 * @param {(count: number) => void} controls.setImages
 * @param {(snr: number | undefined) => void} controls.setSnr
 * @param {Record<string, ServerFunction>} server
 */
export function makeEstimate(form, setup, controls, server) {
  const label = find(form, ".pds-sample small");
  const numImages = find(form, "[name=num_images]", HTMLInputElement);
  /** @type {Map<string, number[]>} */
  const rates = new Map(); // seconds of an iteration with 1, 2, … images on each side, by model
  /** @type {Map<string, number>} */
  const snrs = new Map(); // of the correctors, by model
  let beside = 0; // runs that a new one would share the device with
  let proposed = 0; // images, 0 for the visitor's own choice
  let requestedAt = -Infinity; // milliseconds

  /**
   * @param {Settings} settings
   * @param {number} count of images
   */
  function seconds({ model }, count) {
    const rate = rates.get(model)?.[count - 1];
    return rate ? (sum(controls.calls()) / CALLS) * rate * (1 + beside) : NaN;
  }

  function show() {
    const settings = controls.read();
    const time = seconds(settings, settings.num_images);
    label.textContent = Number.isFinite(time) ? about(time) : "";
    controls.setSnr(snrs.get(settings.model));
  }

  // The most images, up to those of the first paint, with which a run ends in time; two have a contrast.
  function propose() {
    const settings = controls.read();
    if (settings.num_images !== proposed || !rates.get(settings.model)?.length) return;
    let count = setup.quick.images;
    while (count > 2 && seconds(settings, count) > setup.quick.seconds) count--;
    controls.setImages((proposed = count));
  }

  // Requests the pace of a model from the server.
  async function measure(/** @type {string} */ model) {
    requestedAt = performance.now();
    const answer = await answered(server.pace({ model }));
    if (answer.error) return;
    rates.set(model, answer.seconds);
    snrs.set(model, answer.snr);
    beside = answer.beside;
  }

  numImages.addEventListener("input", () => (proposed = 0));
  form.addEventListener("pointerenter", () => {
    if (performance.now() - requestedAt > STALE) refresh();
  });

  async function refresh() {
    await measure(controls.read().model);
    show();
  }

  return {
    show,
    refresh,
    // Requests the pace of the chosen model, and proposes a number of images for it.
    async adapt() {
      const { model } = controls.read();
      if (!rates.has(model)) await measure(model);
      if (controls.read().model === model) propose();
      show();
    },
    begin: (/** @type {number} */ count) => (proposed = count),
  };
}
