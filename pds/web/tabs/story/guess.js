// The question of a step. Until it is answered or passed over, the step does not show what is true.

import { makeDial } from "../../static/slider.js";

// The radio buttons of a form as one guess. `mark(truth, guessed)` marks the true one.
function makeChoice(inputs) {
  const find = (value) => inputs.find((input) => input.value === value);
  const clear = () => inputs.forEach((input) => input.closest("label").classList.remove("pds-true"));
  return {
    read: () => inputs.find((input) => input.checked)?.value ?? null,
    write: (guess) => find(guess)?.click(),
    mark(truth, guessed) {
      clear();
      if (!guessed) inputs.forEach((input) => (input.checked = false));
      find(truth).closest("label").classList.add("pds-true");
    },
    clear,
  };
}

// A dial as a guess; what is true stands on a second dial below it.
function makeAmount(input) {
  const label = input.closest("label");
  const copy = label.cloneNode(true); // before the dial changes its range
  const { read, write } = makeDial(input, () => {});
  const exact = copy.querySelector("input");
  copy.classList.add("pds-true");
  copy.querySelector("span").textContent = "Answer";
  exact.removeAttribute("name");
  exact.disabled = true;
  const truth = makeDial(exact, () => {});
  return {
    read,
    write,
    mark(value, guessed) {
      label.hidden = !guessed;
      truth.write(value);
      copy.querySelector("output").textContent = value.toLocaleString("en-US", { maximumSignificantDigits: 3 });
      label.after(copy);
    },
    clear() {
      label.hidden = false;
      copy.remove();
    },
  };
}

function makeGuessInput(form) {
  const inputs = [...form.querySelectorAll("[name=guess]")];
  const control = inputs[0].type === "range" ? makeAmount(inputs[0]) : makeChoice(inputs);
  const disable = (disabled) => inputs.forEach((input) => (input.disabled = disabled));
  return { ...control, disable };
}

// Asks for a guess, judges it, and opens the step: `judge(guess)` asks the server, `show(reply)` shows
// its reply, `onOpen()` is told, `refuse()` too where no guess was made, `remember(guess)` keeps the guess.
// A question that was passed over has the guess null.
export function makeGuess(section, { judge, show, onOpen, remember, refuse, input }) {
  const form = section.querySelector(".pds-question");
  const control = input ?? makeGuessInput(form);
  let asked = 0; // how often the server was

  function open() {
    section.dataset.state = "shown";
    onOpen();
  }

  function pass() {
    open();
    return answer(null);
  }

  async function answer(guess) {
    const mine = ++asked;
    const reply = await judge(guess);
    if (mine !== asked) return false; // the reader has started over
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
  form.querySelector(".pds-pass").addEventListener("click", () => {
    remember(null);
    pass();
  });
  section.dataset.state = "asking";
  return {
    // Opens the step without a guess.
    pass: () => section.dataset.state === "shown" || pass(),
    // Opens the step as it was left: with a guess, or with null for none.
    restore(guess) {
      if (guess === null) return pass();
      control.write(guess);
      return answer(guess);
    },
    reset() {
      asked++;
      control.clear();
      control.disable(false);
      form.querySelector(".pds-outcome").textContent = "";
      section.dataset.state = "asking";
    },
  };
}
