// The question of a step. Until it is answered or passed over, the step does not show what is true.

// Where a guess and the truth stand on a dial: the handle, and a mark above the track.
function markDial(input, position) {
  const mark = document.createElement("i");
  mark.className = "pds-mark";
  mark.style.setProperty("--at", position);
  mark.textContent = "exact";
  input.closest(".pds-dial").append(mark);
}

// The radio buttons or the dial of a form as one guess.
function makeGuessInput(form) {
  const inputs = [...form.querySelectorAll("[name=guess]")];
  const dial = inputs[0].type === "range" ? makeDial(inputs[0], () => {}) : null;
  const find = (value) => inputs.find((input) => input.value === value);
  return {
    read: () => (dial ? dial.read() : (inputs.find((input) => input.checked)?.value ?? null)),
    write(guess) {
      if (dial) dial.write(guess);
      else if (find(guess)) find(guess).checked = true;
    },
    // Shows the truth beside the guess.
    mark(truth) {
      if (dial) markDial(inputs[0], dial.position(truth));
      else find(truth).closest("label").classList.add("pds-true");
    },
    clear() {
      for (const node of form.querySelectorAll(".pds-mark")) node.remove();
      for (const node of form.querySelectorAll(".pds-true")) node.classList.remove("pds-true");
    },
    disable(disabled) {
      for (const input of inputs) input.disabled = disabled;
    },
  };
}

// Asks for a guess, judges it, and opens the step: `judge(guess)` asks the server, `onOpen()` is told,
// `remember(guess)` keeps the guess, null for a question that was passed over.
function makeGuess(section, { judge, onOpen, remember, input }) {
  const form = section.querySelector(".pds-question");
  const control = input ?? makeGuessInput(form);
  let given = null;

  function open() {
    section.dataset.state = "shown";
    onOpen();
  }

  async function answer(guess) {
    const answer = await judge(guess);
    if (answer.error) return false;
    given = guess;
    control.clear();
    control.mark(answer.truth);
    control.disable(true);
    if (section.dataset.state !== "shown") open();
    return true;
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const guess = control.read();
    if (await answer(guess)) remember(guess);
  });
  form.querySelector(".pds-pass").addEventListener("click", () => {
    remember(null);
    open();
  });
  section.dataset.state = "asking";
  return {
    // Opens the step without a guess.
    pass: () => section.dataset.state === "shown" || open(),
    // Opens the step as it was left: with a guess, or with null for none.
    restore(guess) {
      if (guess === null) return open();
      control.write(guess);
      return answer(guess);
    },
    // Judges the guess anew, after other images were chosen.
    again: () => given !== null && answer(given),
    reset() {
      given = null;
      control.clear();
      control.disable(false);
      form.querySelector(".pds-outcome").textContent = "";
      section.dataset.state = "asking";
    },
  };
}
