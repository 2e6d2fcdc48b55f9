// The moments of a run: gathers them from its messages, and shows one of them.

import { capital } from "../../static/format.js";
import { evenly, merged, reached, span, thinned } from "./moments.js";
import { namesOf, withCount } from "./names.js";
import { makeScreen } from "./screen.js";
import { makeTimeline } from "./timeline.js";

const MOST_LIVE = 132; // live frames held for scrubbing
const LIVE_PIXELS = 20e6; // pixels in them, of 4 bytes each

export function makePlayer(root) {
  const screen = makeScreen(root);
  const timeline = makeTimeline(root, goTo);
  let header = null;
  let names = [];
  let order = [0, 1]; // the sampler that each panel shows, of those of the run
  let moments = []; // { numbers, sheet, row }
  let shown = null; // the one of them on screen
  let position = 0; // and where it is on the timeline
  let fresh = false; // a run has begun, but the pictures are still those of the last one

  function show() {
    const where = reached(header, shown.numbers, order);
    screen.show({ header, names, order, ...shown }, where);
    timeline.show(position, where);
    root.dispatchEvent(new Event("pds-step"));
    return where;
  }

  function goTo(index) {
    [shown, position] = [moments[index], index];
    show();
  }

  function adopt(message) {
    header = message;
    names = message.labels.map(capital);
    if (fresh) moments = [];
    fresh = false;
    screen.nameSides({ header, order });
  }

  const trace = () => screen.trace({ header, order }, moments.map(({ numbers }) => numbers));

  return {
    begin() {
      fresh = true;
      timeline.lock();
    },
    // Shows a frame of the run under way, and returns in words how far it is.
    live(message, sheet) {
      adopt(message);
      const [numbers] = message.steps;
      [shown, position] = [{ numbers, sheet, row: 0 }, numbers.nfe];
      moments = thinned([...moments, shown], Math.min(MOST_LIVE, LIVE_PIXELS / (sheet.width * sheet.height)));
      timeline.span(span(header));
      const where = show();
      trace();
      return where;
    },
    halt() {
      timeline.unlock(moments.length);
      if (moments.length) goTo(moments.length - 1);
    },
    // The live frames of the run stay between the steps that its last message keeps.
    finish(message, sheet) {
      adopt(message);
      moments = merged(moments, message.steps.map((numbers, row) => ({ numbers, sheet, row })));
      timeline.unlock(moments.length);
      trace();
      goTo(moments.length - 1);
    },
    // The run on screen, as the message that ends a run; a stopped run has none, so it is drawn here.
    kept(mostPixels) {
      if (header.kind === "done") return { request: header.request, steps: header.steps, png: header.png };
      return drawn(header, moments, mostPixels);
    },
    // What is on screen, for the parts of the page that say more about it; null before the first picture.
    shown: () => shown && { header, order, numbers: shown.numbers },
    // The names of both samplers as they are drawn, each with its N.
    drawn() {
      const both = header && namesOf({ right: "", left: "vanilla", ...header.request });
      return both && order.map((chain) => withCount(both[chain], header.request.num_steps));
    },
    // Draws each sampler in the other panel, or in its own again.
    swap(exchanged) {
      order = exchanged ? [1, 0] : [0, 1];
      if (!shown) return;
      screen.nameSides({ header, order });
      trace();
      show();
    },
  };
}

// A run without a last message, from the pictures that were shown: as many as the pixels allow.
function drawn({ request, width: one, height }, moments, mostPixels) {
  const width = 2 * request.num_images * one;
  const some = evenly(moments, Math.floor(mostPixels / (width * height)));
  const canvas = Object.assign(document.createElement("canvas"), { width, height: height * some.length });
  const context = canvas.getContext("2d");
  some.forEach((moment, i) => context.drawImage(moment.sheet, 0, moment.row * height, width, height, 0, i * height, width, height));
  return { request, steps: some.map(({ numbers }) => numbers), png: canvas.toDataURL("image/png").split(",")[1] };
}
