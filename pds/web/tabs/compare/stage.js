// What happens when: sample, frames, stop, the end.

const AFTER_STOP = 3000; // milliseconds within which the end of a stopped run is known

const root = element.querySelector(".pds");
const form = root.querySelector("form");
const [sampleButton, stopButton] = [".pds-sample", ".pds-stop"].map((s) => root.querySelector(s));
const errorLine = root.querySelector(".pds-error");
const measuredLine = root.querySelector(".pds-measured");
const statusLine = root.querySelector(".pds-verdict");
const controls = makeControls(root, form, props.setup, () => {
  address.update();
  estimate.show();
  controls.mark(player.drawn());
});
const estimate = makeEstimate(form, props.setup, controls);
const address = makeAddress(props.setup, controls.read);
const player = makePlayer(root);
const progress = makeProgress(root, stopButton, stop);
fitFirstScreen(root);
let run = null; // the name of the run under way, null while idle
let newest = null; // the latest message, the only one worth decoding
let decoding = false;
let patience = 0;
let heard = null; // the run that the latest message was of
let stopped = -Infinity; // when a run was stopped
let place = 0; // in the queue, at most; 0 from the first frame on
let sampled = false; // whether the page still shows the run that it was shipped with

function enter(state, status) {
  root.dataset.state = state;
  measuredLine.textContent = "";
  const busy = state === "running";
  const [next, last] = busy ? [stopButton, sampleButton] : [sampleButton, stopButton];
  next.disabled = false;
  if (document.activeElement === last) next.focus(); // a disabled button would lose the keyboard
  last.disabled = true;
  say(status);
}

function sampling(together = 1) {
  const others = together - 1;
  return others < 1 ? "Sampling…" : `Sampling beside ${others} other run${others > 1 ? "s" : ""}…`;
}

// A live region is spoken again whenever it is written, the same words or not.
function say(sentence) {
  if (statusLine.textContent !== sentence) statusLine.textContent = sentence;
}

function complain(sentence) {
  errorLine.textContent = sentence;
  errorLine.hidden = !sentence;
}

function release(status) {
  run = null;
  clearTimeout(patience);
  progress.end();
  enter("idle", status);
  if (sampled) estimate.refresh();
}

function sample() {
  complain("");
  sampled = true;
  run = Math.random().toString(36).slice(2);
  newest = null;
  place = Infinity;
  player.begin();
  progress.begin();
  enter("running", "Starting…");
  patience = setTimeout(() => say("Waiting for the server to begin…"), 2000);
  trigger("sample", { ...controls.read(), run });
  address.update();
}

function stop() {
  if (!run) return;
  stopped = performance.now();
  trigger("stop");
  release("Stopped. The steps so far can be scrubbed.");
  player.halt();
}

// The queue is served in order, so nobody who comes later counts.
function queued({ waiting, wait }) {
  place = Math.min(place, waiting);
  if (place < 1) return;
  clearTimeout(patience);
  const time = wait === null ? "" : `, about ${duration(Math.max(1, wait))}`;
  say(`Waiting for a place: ${place < 2 ? "nobody" : `at most ${place - 1}`} before you${time}.`);
}

function isCurrent(message) {
  return (message.run ?? null) === run;
}

function present(message, sheet) {
  if (message.kind === "frame") {
    progress.frame(message, player.live(message, sheet));
    say(sampling(message.together));
  } else {
    player.finish(message, sheet);
    release(message.verdict);
    measuredLine.textContent = message.measured;
  }
}

async function drain() {
  if (decoding) return;
  decoding = true;
  try {
    while (newest) {
      const message = newest;
      newest = null;
      const sheet = await decode(message.png);
      if (isCurrent(message)) present(message, sheet);
    }
  } finally {
    decoding = false;
  }
}

function accept(message) {
  if (!isCurrent(message)) return;
  heard = run;
  if (message.kind === "error") {
    release("");
    player.halt();
    complain(message.sentence);
    return;
  }
  clearTimeout(patience);
  place = 0;
  newest = complete(message);
  drain();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!run) sample();
});
stopButton.addEventListener("click", stop);
function lose(sentence) {
  release("");
  player.halt();
  complain(sentence);
}

// A stopped run ends as a failure without a name, maybe after the next one has begun: what sends
// messages has not failed.
root.addEventListener("failure", async () => {
  const failed = run;
  if (!failed) return;
  const recent = performance.now() - stopped < AFTER_STOP;
  const sentence = await whyNot();
  if (recent) await new Promise((resolve) => setTimeout(resolve, AFTER_STOP));
  if (run === failed && !(recent && heard === failed)) lose(sentence);
});
watchServer(() => run, lose, queued);
for (const button of root.querySelectorAll(".pds-to-filter")) {
  button.addEventListener("click", () => {
    window.pdsFilter = controls.filter(); // kept for the tab, which may not be drawn yet
    document.querySelector("#filter-tab-button").click();
    document.dispatchEvent(new Event("pds-filter"));
  });
}

form.elements.model.addEventListener("change", estimate.adapt);

// Other parts of the page write fields of a request into the controls, and sample or not.
function settle(fields) {
  controls.write({ ...controls.read(), ...fields });
  address.update();
  estimate.show();
  controls.mark(player.drawn());
}
root.addEventListener("pds-step", () => controls.mark(player.drawn()));
root.addEventListener("settle", ({ detail }) => settle(detail));
root.addEventListener("compare", ({ detail }) => {
  if (run) stop();
  settle(detail);
  sample();
});

makeKeep(root, {
  read: controls.read,
  run: () => player.kept(props.setup.limits.pixels),
  complain,
  link: address.link,
  restore(request, sentence) {
    complain("");
    settle(request);
    if (!run) say(sentence);
  },
});

watch("value", () => props.value && accept(JSON.parse(props.value)));
const shipped = props.value ? JSON.parse(props.value) : {};
shipped.request = { ...props.setup.defaults, ...shipped.request }; // an older one lacks some fields
controls.write(shipped.request);
estimate.begin(controls.read().num_images);
enter("idle", "");
accept(shipped);
server.recorded_run({}).then((text) => {
  if (!sampled) accept(JSON.parse(text));
});

// A link restores its settings, and samples them once where they are not the run on show.
address.open().then(({ request, given, sentence, here }) => {
  if (request) controls.write(request);
  complain(sentence);
  const shown = Object.entries(request ?? {}).every(([name, value]) => shipped.request[name] === value);
  if (given && here && !sentence && !shown && !run) sample();
  if (given) estimate.refresh();
  else estimate.adapt();
});

makeBlind(root, player, props.setup);
makePresets(root, player, props.setup);
makeBranch(root, player, props.setup);
makeInside(root, player);
makeStopped(root, player);
