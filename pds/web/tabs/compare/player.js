// The moments of a run: gathers them from its messages, and shows one of them.

import { capital } from "../../static/format.js";
import { evenly, merged, reached, span, thinned } from "./moments.js";
import { namesOf, withCount } from "./names.js";
import { makeScreen } from "./screen.js";
import { makeTimeline } from "./timeline.js";

const MOST_LIVE = 132; // live frames held for scrubbing
const LIVE_PIXELS = 20e6; // pixels in them, of 4 bytes each

/**
 * @typedef {import("./moments.js").Header} Header
 * @typedef {import("./moments.js").Message} Message
 * @typedef {import("./moments.js").Moment} Moment
 * @typedef {ReturnType<typeof makePlayer>} Player
 */

/** @param {HTMLElement} root gets the event "pds-step" for each step that is shown */
export function makePlayer(root) {
  const screen = makeScreen(root);
  const timeline = makeTimeline(root, goTo);
  let header = /** @type {Message} */ ({}); // empty before the first message
  /** @type {string[]} */
  let names = [];
  let order = [0, 1]; // the sampler that each panel shows, of those of the run
  /** @type {Moment[]} */
  let moments = [];
  /** @type {Moment | null} */
  let shown = null; // the one of them on screen
  let position = 0; // and where it is on the timeline
  let fresh = false; // a run has begun, but the pictures are still those of the last one

  /**
   * @param {Moment} moment
   * @param {number} at its position on the timeline
   */
  function show(moment, at) {
    [shown, position] = [moment, at];
    const where = reached(header, moment.numbers, order);
    screen.show({ header, names, order, ...moment }, where);
    timeline.show(position, where);
    root.dispatchEvent(new Event("pds-step"));
    return where;
  }

  function goTo(/** @type {number} */ index) {
    show(moments[index], index);
  }

  function adopt(/** @type {Message} */ message) {
    header = message;
    names = message.labels.map(capital);
    if (fresh) moments = [];
    fresh = false;
    screen.nameSides(header, order);
  }

  const trace = () => screen.trace(moments.map(({ numbers }) => numbers), header, order);

  return {
    begin() {
      fresh = true;
      timeline.lock();
    },
    /**
     * Shows a frame of the run under way, and returns in words how far it is.
     * @param {Message} message
     * @param {ImageBitmap} sheet
     */
    live(message, sheet) {
      adopt(message);
      const [numbers] = message.steps;
      const moment = { numbers, sheet, row: 0 };
      moments = thinned([...moments, moment], Math.min(MOST_LIVE, LIVE_PIXELS / (sheet.width * sheet.height)));
      timeline.span(span(header));
      const where = show(moment, numbers.nfe);
      trace();
      return where;
    },
    halt() {
      timeline.unlock(moments.length);
      if (moments.length) goTo(moments.length - 1);
    },
    /**
     * Shows the end of a run. Its live frames stay between the steps that its last message keeps.
     * @param {Message} message
     * @param {ImageBitmap} sheet
     */
    finish(message, sheet) {
      adopt(message);
      moments = merged(moments, message.steps.map((numbers, row) => ({ numbers, sheet, row })));
      timeline.unlock(moments.length);
      trace();
      goTo(moments.length - 1);
    },
    /**
     * The run on screen, as the message that ends a run; a stopped run has none, so it is drawn here.
     * @param {number} mostPixels
     */
    kept(mostPixels) {
      if (header.kind === "done") return { request: header.request, steps: header.steps, png: header.png };
      return drawn(header, moments, mostPixels);
    },
    // What is on screen, for the parts of the page that say more about it; null before the first picture.
    shown: () => shown && { header, order, numbers: shown.numbers },
    // The names of both samplers as they are drawn, each with its N.
    drawn() {
      const { request } = header;
      if (!request) return null;
      const both = namesOf(request);
      return order.map((chain) => withCount(both[chain], request.num_steps));
    },
    // Draws each sampler in the other panel, or in its own again.
    swap(/** @type {boolean} */ exchanged) {
      order = exchanged ? [1, 0] : [0, 1];
      if (!shown) return;
      screen.nameSides(header, order);
      trace();
      show(shown, position);
    },
  };
}

/**
 * A run without a last message, from the pictures that were shown: as many as the pixels allow.
 * @param {Header} header
 * @param {Moment[]} moments
 * @param {number} mostPixels
 */
function drawn({ request, width: one, height }, moments, mostPixels) {
  const width = 2 * request.num_images * one;
  const some = evenly(moments, Math.floor(mostPixels / (width * height)));
  const canvas = Object.assign(document.createElement("canvas"), { width, height: height * some.length });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  some.forEach((moment, i) => context.drawImage(moment.sheet, 0, moment.row * height, width, height, 0, i * height, width, height));
  return { request, steps: some.map(({ numbers }) => numbers), png: canvas.toDataURL("image/png").split(",")[1] };
}
