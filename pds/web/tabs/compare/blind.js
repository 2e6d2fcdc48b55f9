// The blind test: the sides are drawn in random order, and names and numbers are hidden until the
// visitor has said which one is which. The score lives as long as the page.

const FEWEST = 3; // guesses at one N that are worth a word on chance

// The probability of at least `correct` of `count` by guessing.
export function byGuessing(correct, count) {
  let [term, sum] = [0.5 ** count, 0];
  for (let k = count; k >= correct; k--) {
    sum += term;
    term *= k / (count - k + 1);
  }
  return sum;
}

// The score by N, and what guessing would do at the N of the last guess: guesses are { n, correct }.
export function score(guesses) {
  const counts = [...new Set(guesses.map(({ n }) => n))];
  const at = (n) => guesses.filter((guess) => guess.n === n);
  const right = (n) => at(n).filter(({ correct }) => correct).length;
  const parts = counts.map((n) => `N = ${n}: ${right(n)} of ${at(n).length}`);
  const { n } = guesses.at(-1);
  const [correct, count] = [right(n), at(n).length];
  if (count < FEWEST) return `${parts.join("; ")}.`;
  const probability = 100 * byGuessing(correct, count);
  const percent = probability < 1 ? "less than 1" : probability.toFixed(0);
  return `${parts.join("; ")}. Guessing at random does as well or better with a probability of ${percent} %.`;
}

export function makeBlind(root, player, { limits }) {
  const find = (selector) => root.querySelector(selector);
  const toggle = find(".pds-blind-switch input");
  const box = find(".pds-blind");
  const [asked, told] = [".pds-asked", ".pds-score"].map(find);
  const guess = find(".pds-guess");
  const further = find(".pds-further");
  const [again, leave] = further.children;
  const canvases = [...root.querySelectorAll(".pds-panel canvas")];
  const visit = new Map(); // guesses by all that was compared, but for N and seed
  let before = null; // the message on screen when the run began
  let exchanged = null; // whether the sides are, null until the run's first step is on screen

  const hidden = () => root.dataset.blind === "hidden";
  const narrow = () => matchMedia("(max-width: 720px)").matches; // one panel above the other
  const invitation = () =>
    toggle.checked ? "Press Sample: names and numbers stay hidden until you have said which side is which." : "";

  function show(sentence, { asking = false, scored = "" } = {}) {
    asked.textContent = sentence;
    guess.hidden = !asking;
    told.textContent = scored;
    further.hidden = !scored;
    box.hidden = !sentence;
  }

  // Names and numbers again; pictures stay where the visitor saw them, or return to their own panels.
  function reveal(inPlace) {
    delete root.dataset.blind;
    root.classList.toggle("pds-exchanged", inPlace && exchanged);
    player.swap(false);
  }

  function abandon(sentence) {
    reveal(false);
    show(sentence);
  }

  function begin() {
    before = player.shown()?.header;
    exchanged = null;
    if (!toggle.checked) return abandon("");
    root.classList.remove("pds-exchanged");
    root.dataset.blind = "hidden";
    show("The pictures appear when they are finished, without names and in random order.");
  }

  function follow() {
    const { header } = player.shown();
    if (!hidden() || header === before) return;
    const [left, right] = header.labels;
    if (left === right) return abandon("Both sides are the same sampler: choose another one on either side for a blind test.");
    if (exchanged === null) return player.swap((exchanged = Math.random() < 0.5)); // which shows the step once more
    for (const canvas of canvases) canvas.setAttribute("aria-label", "Pictures of one of the two samplers");
  }

  function end() {
    if (!hidden()) return;
    const header = player.shown()?.header;
    if (exchanged === null || header.kind !== "done") return abandon(invitation());
    show(`Which is ${header.labels[0]}?`, { asking: true });
    const places = narrow() ? ["Above", "Below"] : ["Left", "Right"];
    places.forEach((place, side) => (guess.children[side].textContent = place));
    // Moves the focus to the question, unless the visitor has moved it elsewhere.
    const at = document.activeElement;
    if (at === document.body || at.matches(".pds-sample, .pds-presets *, .pds-blind *")) box.focus({ preventScroll: true });
  }

  function answer(side) {
    const { request, labels, lengths } = player.shown().header;
    const place = Number(exchanged);
    const key = JSON.stringify({ ...request, num_steps: null, seed: null });
    const guesses = [...(visit.get(key) ?? []), { n: [...new Set(lengths)].join(" and "), correct: side === place }];
    visit.set(key, guesses);
    reveal(true);
    const where = (narrow() ? ["above", "below"] : ["on the left", "on the right"])[place];
    show(`${side === place ? "Correct" : "Wrong"}: ${labels[0]} is ${where}.`, { scored: score(guesses) });
    again.focus({ preventScroll: true });
  }

  [...guess.children].forEach((button, side) => button.addEventListener("click", () => answer(side)));
  const keys = { ArrowLeft: 0, ArrowUp: 0, ArrowRight: 1, ArrowDown: 1 };
  box.addEventListener("keydown", (event) => {
    if (guess.hidden || !(event.key in keys)) return;
    event.preventDefault();
    answer(keys[event.key]);
  });
  again.addEventListener("click", () => {
    const seed = Math.floor(Math.random() * limits.seed);
    root.dispatchEvent(new CustomEvent("compare", { detail: { seed } }));
  });
  leave.addEventListener("click", () => {
    toggle.click();
    find(".pds-sample").focus({ preventScroll: true });
  });
  toggle.addEventListener("change", () => abandon(invitation()));
  root.addEventListener("pds-step", follow);
  // A run that takes the place of another one is seen to begin only.
  const turned = new MutationObserver(() => (root.dataset.state === "running" ? begin() : end()));
  turned.observe(root, { attributeFilter: ["data-state"] });
}
