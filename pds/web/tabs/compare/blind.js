// The blind test: the sides are drawn in random order, and names and numbers are hidden until the
// visitor has said which one is which. The score lives as long as the page.

import { find, findAll } from "../../static/dom.js";
import { compare } from "../../static/tabs.js";

/** @import { Header } from "./moments.js" */
/** @import { Player } from "./player.js" */
/** @typedef {{ n: string, correct: boolean }} Guess n: iterations of both samplers */

const FEWEST = 3; // guesses at one N that are worth a word on chance

/** The probability of at least so many of `count` by guessing. @param {number} correct @param {number} count */
export function byGuessing(correct, count) {
  let [term, sum] = [0.5 ** count, 0];
  for (let k = count; k >= correct; k--) {
    sum += term;
    term *= k / (count - k + 1);
  }
  return sum;
}

/**
 * The score by N, and what guessing would do at the N of the last guess.
 * @param {Guess[]} guesses at least one
 */
export function score(guesses) {
  const counts = [...new Set(guesses.map(({ n }) => n))];
  const at = (/** @type {string} */ n) => guesses.filter((guess) => guess.n === n);
  const right = (/** @type {string} */ n) => at(n).filter(({ correct }) => correct).length;
  const parts = counts.map((n) => `N = ${n}: ${right(n)} of ${at(n).length}`);
  const { n } = guesses[guesses.length - 1];
  const [correct, count] = [right(n), at(n).length];
  if (count < FEWEST) return `${parts.join("; ")}.`;
  const probability = 100 * byGuessing(correct, count);
  const percent = probability < 1 ? "less than 1" : probability.toFixed(0);
  return `${parts.join("; ")}. Guessing at random does as well or better with a probability of ${percent} %.`;
}

/**
 * The box of the blind test: a question with a button for each side, or its answer with the score.
 * @param {HTMLElement} root
 * @param {object} events
 * @param {(side: number) => void} events.onGuess
 * @param {() => void} events.onAgain
 * @param {() => void} events.onLeave
 */
function makeBox(root, { onGuess, onAgain, onLeave }) {
  const box = find(root, ".pds-blind");
  const [question, score, guess, further] = [".pds-blind-question", ".pds-score", ".pds-guess", ".pds-further"].map((s) => find(box, s));
  const sides = findAll(guess, "button");
  const [again, leave] = findAll(further, "button");
  const keys = new Map(Object.entries({ ArrowLeft: 0, ArrowUp: 0, ArrowRight: 1, ArrowDown: 1 }));

  sides.forEach((button, side) => button.addEventListener("click", () => onGuess(side)));
  box.addEventListener("keydown", (event) => {
    const side = keys.get(event.key);
    if (guess.hidden || side === undefined) return;
    event.preventDefault();
    onGuess(side);
  });
  again.addEventListener("click", onAgain);
  leave.addEventListener("click", onLeave);

  /** @param {string} sentence @param {{ isAsking?: boolean, scored?: string }} [parts] */
  function show(sentence, { isAsking = false, scored = "" } = {}) {
    question.textContent = sentence;
    guess.hidden = !isAsking;
    score.textContent = scored;
    further.hidden = !scored;
    box.hidden = !sentence;
  }

  return {
    show,
    // Moves the focus to the question, unless the visitor has moved it elsewhere.
    ask(/** @type {string} */ sentence, /** @type {string[]} */ places) {
      show(sentence, { isAsking: true });
      sides.forEach((button, side) => (button.textContent = places[side]));
      const at = document.activeElement;
      if (at === document.body || at?.matches(".pds-sample, .pds-presets *, .pds-blind *")) box.focus({ preventScroll: true });
    },
    showAnswer(/** @type {string} */ sentence, /** @type {string} */ scored) {
      show(sentence, { scored });
      again.focus({ preventScroll: true });
    },
  };
}

/**
 * @param {HTMLElement} root
 * @param {Player} player
 * @param {{ limits: { seed: number } }} setup
 */
export function makeBlind(root, player, { limits }) {
  const toggle = find(root, ".pds-blind-switch input", HTMLInputElement);
  const canvases = findAll(root, ".pds-panel canvas");
  /** @type {Map<string, Guess[]>} */
  const visit = new Map(); // guesses by request, without N and seed
  /** @type {Header | undefined} */
  let before; // the message on screen when the run began
  /** @type {boolean | null} */
  let exchanged = null; // whether the sides are, null until the run's first step is on screen
  const box = makeBox(root, {
    onGuess: answer,
    onAgain: () => compare({ seed: Math.floor(Math.random() * limits.seed) }),
    onLeave() {
      toggle.click();
      find(root, ".pds-sample").focus({ preventScroll: true });
    },
  });

  const isHidden = () => root.dataset.blind === "hidden";
  const isNarrow = () => matchMedia("(max-width: 720px)").matches; // one panel above the other
  const invitation = () =>
    toggle.checked ? "Press Sample: names and numbers stay hidden until you have said which side is which." : "";

  // Names and numbers again; pictures stay where the visitor saw them, or return to their own panels.
  function reveal(/** @type {boolean} */ inPlace) {
    delete root.dataset.blind;
    root.classList.toggle("pds-exchanged", inPlace && exchanged === true);
    player.swap(false);
  }

  function abandon(/** @type {string} */ sentence) {
    reveal(false);
    box.show(sentence);
  }

  function begin() {
    before = player.shown()?.header;
    exchanged = null;
    if (!toggle.checked) return abandon("");
    root.classList.remove("pds-exchanged");
    root.dataset.blind = "hidden";
    box.show("The images appear when they are finished, without names and in random order.");
  }

  function follow() {
    const header = player.shown()?.header;
    if (!isHidden() || !header || header === before) return;
    const [left, right] = header.labels;
    if (left === right) return abandon("Both sides are the same sampler: choose another one on either side for a blind test.");
    if (exchanged === null) return player.swap((exchanged = Math.random() < 0.5)); // which shows the step once more
    for (const canvas of canvases) canvas.setAttribute("aria-label", "Images of one of the two samplers");
  }

  function end() {
    if (!isHidden()) return;
    const header = player.shown()?.header;
    if (exchanged === null || header?.kind !== "done") return abandon(invitation());
    box.ask(`Which is ${header.labels[0]}?`, isNarrow() ? ["Above", "Below"] : ["Left", "Right"]);
  }

  function answer(/** @type {number} */ side) {
    const shown = player.shown();
    if (!shown) return;
    const { request, labels, lengths } = shown.header;
    const place = Number(exchanged);
    const key = JSON.stringify({ ...request, num_steps: null, seed: null });
    const guesses = [...(visit.get(key) ?? []), { n: [...new Set(lengths)].join(" and "), correct: side === place }];
    visit.set(key, guesses);
    reveal(true);
    const where = (isNarrow() ? ["above", "below"] : ["on the left", "on the right"])[place];
    box.showAnswer(`${side === place ? "Correct" : "Wrong"}: ${labels[0]} is ${where}.`, score(guesses));
  }

  toggle.addEventListener("change", () => abandon(invitation()));
  root.addEventListener("pds-step", follow);
  // A run that takes the place of another one is seen to begin only.
  const observer = new MutationObserver(() => (root.dataset.state === "running" ? begin() : end()));
  observer.observe(root, { attributeFilter: ["data-state"] });
}
