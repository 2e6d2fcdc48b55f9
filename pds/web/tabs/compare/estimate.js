// What a run will take on this server, told on the button that starts it, and how many images that allows.

import { about } from "../../static/format.js";
import { answered } from "../../static/server.js";
import { sum } from "./moments.js";

const CALLS = 4; // network calls of an iteration of both samplers, as it was timed

export function makeEstimate(form, setup, controls, server) {
  const told = form.querySelector(".pds-sample small");
  const rates = new Map(); // seconds of an iteration with 1, 2, … images on each side, by model
  const snrs = new Map(); // of the correctors, by model
  let beside = 0; // runs that a new one would share the device with
  let proposed = 0; // images, 0 for the visitor's own choice
  let asked = -Infinity;

  function seconds({ model }, numImages) {
    const rate = rates.get(model)?.[numImages - 1];
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

  async function ask(model) {
    asked = performance.now();
    const answer = await answered(server.pace({ model }));
    if (answer.error) return;
    rates.set(model, answer.seconds);
    snrs.set(model, answer.snr);
    beside = answer.beside;
  }

  form.elements.num_images.addEventListener("input", () => (proposed = 0));
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
    begin: (numImages) => (proposed = numImages),
  };
}
