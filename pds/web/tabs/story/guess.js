// The question of a step. Until it is answered or passed over, the step does not show what is true.

import { find, findAll } from "../../static/dom.js";
import { makeDial } from "../../static/slider.js";

/** @import { Answer } from "../../static/answers.js" */
/** @import { Point } from "./geometry.js" */

/**
 * A guess: a name, a number or a point; null for a question that was passed over.
 * @typedef {string | number | Point | null} Guess
 *
 * The control of a guess, and what is true in it.
 * @typedef {object} GuessInput
 * @property {() => Guess} read null if no guess was made
 * @property {(guess: any) => void} write
 * @property {(truth: any, isGiven: boolean) => void} mark shows what is true, of the kind of the guess
 * @property {() => void} clear hides it again
 * @property {(isDisabled: boolean) => void} disable
 */

/**
 * The radio buttons of a form as one guess.
 * @param {HTMLInputElement[]} inputs
 * @returns {Omit<GuessInput, "disable">}
 */
function makeChoice(inputs) {
  const choose = (/** @type {string} */ value) => inputs.find((input) => input.value === value);
  const clear = () => inputs.forEach((input) => input.closest("label")?.classList.remove("pds-true"));
  return {
    read: () => inputs.find((input) => input.checked)?.value ?? null,
    write: (guess) => choose(guess)?.click(),
    mark(truth, isGiven) {
      clear();
      if (!isGiven) inputs.forEach((input) => (input.checked = false));
      choose(truth)?.closest("label")?.classList.add("pds-true");
    },
    clear,
  };
}

/**
 * A dial as a guess; what is true stands on a second dial below it.
 * @param {HTMLInputElement} input
 * @returns {Omit<GuessInput, "disable">}
 */
function makeAmount(input) {
  const label = /** @type {HTMLLabelElement} */ (input.closest("label"));
  const copy = /** @type {HTMLLabelElement} */ (label.cloneNode(true)); // before the dial changes its range
  const { read, write } = makeDial(input, () => {});
  const exact = find(copy, "input", HTMLInputElement);
  copy.classList.add("pds-true");
  find(copy, "span").textContent = "Answer";
  exact.removeAttribute("name");
  exact.disabled = true;
  const truth = makeDial(exact, () => {});
  return {
    read,
    write,
    mark(value, isGiven) {
      label.hidden = !isGiven;
      truth.write(value);
      find(copy, "output").textContent = value.toLocaleString("en-US", { maximumSignificantDigits: 3 });
      label.after(copy);
    },
    clear() {
      label.hidden = false;
      copy.remove();
    },
  };
}

/** @param {HTMLElement} form @returns {GuessInput} */
function makeGuessInput(form) {
  const inputs = findAll(form, "[name=guess]", HTMLInputElement);
  const control = inputs[0].type === "range" ? makeAmount(inputs[0]) : makeChoice(inputs);
  return { ...control, disable: (isDisabled) => inputs.forEach((input) => (input.disabled = isDisabled)) };
}

/**
 * Asks for a guess, judges it, and opens the step.
 * @param {HTMLElement} section
 * @param {object} options
 * @param {(guess: Guess) => Promise<Answer & { truth?: any }>} options.judge asks the server
 * @param {(reply: Answer) => Promise<void>} options.show
 * @param {() => void} options.onOpen called when the step is opened
 * @param {(guess: Guess) => void} options.remember
 * @param {() => void} options.refuse called where no guess was made
 * @param {GuessInput} [options.input] in place of the inputs of the form
 */
export function makeGuess(section, { judge, show, onOpen, remember, refuse, input }) {
  const form = find(section, ".pds-question");
  const control = input ?? makeGuessInput(form);
  let latest = 0; // number of the newest request; Start over makes it void

  function open() {
    section.dataset.state = "shown";
    onOpen();
  }

  function pass() {
    open();
    return answer(null);
  }

  // Returns whether the server has judged the guess.
  async function answer(/** @type {Guess} */ guess) {
    const request = ++latest;
    const reply = await judge(guess);
    if (request !== latest) return false;
    await show(reply);
    if (reply.error) return false;
    control.mark(reply.truth, guess !== null);
    control.disable(true);
    if (section.dataset.state !== "shown") open();
    return true;
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const guess = control.read();
    if (guess === null) return refuse();
    if (await answer(guess)) remember(guess);
  });
  find(form, ".pds-pass").addEventListener("click", () => {
    remember(null);
    pass();
  });
  section.dataset.state = "asking";
  return {
    // Opens the step without a guess.
    pass: () => section.dataset.state === "shown" || pass(),
    // Opens the step as it was left.
    restore(/** @type {Guess} */ guess) {
      if (guess === null) return pass();
      control.write(guess);
      return answer(guess);
    },
    reset() {
      latest++;
      control.clear();
      control.disable(false);
      find(form, ".pds-outcome").textContent = "";
      section.dataset.state = "asking";
    },
  };
}
