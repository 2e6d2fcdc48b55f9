// What happens when: sample, frames, stop, the end.

const root = element.querySelector(".pds");
const form = root.querySelector("form");
const [sampleButton, stopButton] = [".pds-sample", ".pds-stop"].map((s) => root.querySelector(s));
const errorLine = root.querySelector(".pds-error");
const statusLine = root.querySelector(".pds-verdict");
const controls = makeControls(form, props.setup);
const player = makePlayer(root);
let run = null; // the name of the run under way, null while idle
let newest = null; // the latest message, the only one worth decoding
let decoding = false;
let patience = 0;
let sampled = false; // whether the page still shows the run that it was shipped with

function enter(state, status) {
  root.dataset.state = state;
  const busy = state === "running";
  sampleButton.disabled = busy;
  stopButton.disabled = !busy;
  statusLine.textContent = status;
}

function complain(sentence) {
  errorLine.textContent = sentence;
  errorLine.hidden = !sentence;
}

function release(status) {
  run = null;
  clearTimeout(patience);
  enter("idle", status);
}

function sample() {
  complain("");
  sampled = true;
  run = Math.random().toString(36).slice(2);
  newest = null;
  player.begin();
  enter("running", "Starting…");
  patience = setTimeout(() => {
    statusLine.textContent = "Waiting for the sampler. Runs are made one after the other.";
  }, 2000);
  trigger("sample", { ...controls.read(), run });
}

function stop() {
  if (!run) return;
  trigger("stop");
  release("Stopped. The steps so far can be scrubbed.");
  player.halt();
}

function isCurrent(message) {
  return (message.run ?? null) === run;
}

function present(message, sheet) {
  if (message.kind === "frame") {
    player.live(message, sheet);
    statusLine.textContent = "Sampling…";
    clearTimeout(patience);
  } else {
    player.finish(message, sheet);
    release(message.verdict);
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
  if (message.kind === "error") {
    release("");
    player.halt();
    complain(message.sentence);
    return;
  }
  newest = message;
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

root.addEventListener("failure", async () => {
  const failed = run;
  const sentence = failed && (await whyNot());
  if (failed && run === failed) lose(sentence);
});
watchServer(() => run, lose);
root.querySelector(".pds-to-filter").addEventListener("click", () => {
  document.querySelector("#filter-tab-button").click();
});

root.addEventListener("compare", ({ detail }) => {
  if (run) stop();
  controls.write({ ...controls.read(), ...detail });
  sample();
});

watch("value", () => props.value && accept(JSON.parse(props.value)));
const shipped = props.value ? JSON.parse(props.value) : {};
controls.write(shipped.request ?? props.setup.defaults);
enter("idle", "");
accept(shipped);
server.recorded_run().then((text) => {
  if (!sampled) accept(JSON.parse(text));
});
