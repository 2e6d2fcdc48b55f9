// The runs of the comparison: requested, followed frame by frame, stopped and ended.

import { find } from "../../static/dom.js";
import { duration } from "../../static/format.js";
import { makeRun } from "../../static/runs.js";
import { complete } from "./moments.js";
import { decode } from "./pictures.js";
import { makeProgress } from "./progress.js";

/** @typedef {import("./moments.js").Message} Message */

function beside(together = 1) {
  const others = together - 1;
  return others < 1 ? "Sampling…" : `Sampling beside ${others} other run${others > 1 ? "s" : ""}…`;
}

/**
 * @param {number} place in the queue, 0 if it is not known
 * @param {number | null} seconds
 */
function waiting(place, seconds) {
  if (!place) return "Waiting for the server to begin…";
  const time = seconds === null ? "" : `, about ${duration(Math.max(1, seconds))}`;
  return `Waiting in the queue: ${place < 2 ? "your run is next" : `at most ${place - 1} before your run`}${time}.`;
}

/**
 * Decodes the pictures of the newest message only, one message at a time.
 * @param {(message: Message, sheet: ImageBitmap) => void} show
 */
function makeNewest(show) {
  /** @type {Message | null} */
  let newest = null;
  let decoding = false;
  return async (/** @type {Message} */ message) => {
    newest = message;
    if (decoding) return;
    decoding = true;
    try {
      while (newest) {
        /** @type {Message} */
        const decoded = newest;
        newest = null;
        show(decoded, await decode(decoded.png));
      }
    } finally {
      decoding = false;
    }
  };
}

/**
 * @param {HTMLElement} root
 * @param {object} page
 * @param {import("./player.js").Player} page.player
 * @param {ReturnType<typeof import("./status.js").makeStatus>} page.status
 * @param {(event: string, values?: object) => void} page.trigger
 * @param {() => void} page.onStart called when a run was requested
 * @param {() => void} page.onEnd called when it is no longer under way
 */
export function makeSampling(root, { player, status, trigger, onStart, onEnd }) {
  const stopButton = find(root, ".pds-stop", HTMLButtonElement);
  const progress = makeProgress(root, stopButton, () => run.stop());
  const run = makeRun(root, {
    start,
    show: (message) => take(complete(message)),
    wait: (place, seconds) => status.say(waiting(place, seconds)),
    stop() {
      trigger("stop");
      release("Stopped. The steps so far can be scrubbed.");
      player.halt();
    },
    fail(sentence) {
      release("");
      player.halt();
      status.complain(sentence);
    },
  });
  const take = makeNewest((message, sheet) => {
    if (run.isCurrent(message)) present(message, sheet);
  });

  function start(/** @type {object} */ request) {
    status.complain("");
    player.begin();
    progress.begin();
    status.enter("running", "Starting…");
    trigger("sample", request);
    onStart();
  }

  /**
   * @param {string} sentence
   * @param {string} [measured]
   */
  function release(sentence, measured) {
    progress.end();
    status.enter("idle", sentence, measured);
    onEnd();
  }

  /**
   * @param {Message} message
   * @param {ImageBitmap} sheet
   */
  function present(message, sheet) {
    if (message.kind === "frame") {
      progress.frame(message, player.live(message, sheet));
      status.say(beside(message.together));
    } else {
      player.finish(message, sheet);
      run.end();
      release(message.verdict, message.measured);
    }
  }

  stopButton.addEventListener("click", run.stop);
  return run;
}
