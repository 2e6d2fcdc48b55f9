// @ts-check
// What a run will take on this server, told on the button that starts it, and how many images that allows.

import { about } from "../../static/format.js";
import { answered } from "../../static/server.js";
import { sum } from "./moments.js";

const CALLS = 4; // network calls of an iteration of both samplers, as it was timed

/**
 * @typedef {import("./names.js").Request} Request
 *
 * @param {HTMLFormElement} form
 * @param {{ quick: { images: number, seconds: number } }} setup
 * @param {object} controls
 * @param {() => Request} controls.read
 * @param {() => [number, number]} controls.calls network calls of both samplers
 * @param {(count: number) => void} controls.setImages
 * @param {(snr: number | undefined) => void} controls.setSnr
 * @param {{ pace(values: { model: string }): Promise<any> }} server
 */
export function makeEstimate(form, setup, controls, server) {
  const told = /** @type {HTMLElement} */ (form.querySelector(".pds-sample small"));
  const numImages = /** @type {HTMLInputElement} */ (form.elements.namedItem("num_images"));
  /** @type {Map<string, number[]>} */
  const rates = new Map(); // seconds of an iteration with 1, 2, … images on each side, by model
  /** @type {Map<string, number>} */
  const snrs = new Map(); // of the correctors, by model
  let beside = 0; // runs that a new one would share the device with
  let proposed = 0; // images, 0 for the visitor's own choice
  let asked = -Infinity;

  /**
   * @param {Request} request
   * @param {number} count of images
   */
  function seconds({ model }, count) {
    const rate = rates.get(model)?.[count - 1];
    return rate ? (sum(controls.calls()) / CALLS) * rate * (1 + beside) : NaN;
  }

  function show() {
    const request = controls.read();
    const time = seconds(request, request.num_images);
    told.textContent = Number.isFinite(time) ? about(time) : "";
    controls.setSnr(snrs.get(request.model));
  }

  // The most images, up to those of the first paint, with which a run ends in time; two have a contrast.
  function propose() {
    const request = controls.read();
    if (request.num_images !== proposed || !rates.get(request.model)?.length) return;
    let count = setup.quick.images;
    while (count > 2 && seconds(request, count) > setup.quick.seconds) count--;
    controls.setImages((proposed = count));
  }

  async function ask(/** @type {string} */ model) {
    asked = performance.now();
    const answer = await answered(server.pace({ model }));
    if (answer.error) return;
    rates.set(model, answer.seconds);
    snrs.set(model, answer.snr);
    beside = answer.beside;
  }

  numImages.addEventListener("input", () => (proposed = 0));
  form.addEventListener("pointerenter", () => performance.now() - asked > 5000 && refresh());

  async function refresh() {
    await ask(controls.read().model);
    show();
  }

  return {
    show,
    refresh,
    // Asks for the model of the controls, and proposes a number of images for it.
    async adapt() {
      const { model } = controls.read();
      if (!rates.has(model)) await ask(model);
      if (controls.read().model === model) propose();
      show();
    },
    begin: (/** @type {number} */ count) => (proposed = count),
  };
}
