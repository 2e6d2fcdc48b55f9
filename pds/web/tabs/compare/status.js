// What the page says about its run, and which of its buttons can be pressed.

export function makeStatus(root) {
  const find = (selector) => root.querySelector(selector);
  const [sampleButton, stopButton] = [".pds-sample", ".pds-stop"].map(find);
  const [statusLine, measuredLine, errorLine] = [".pds-verdict", ".pds-measured", ".pds-error"].map(find);

  // A live region is spoken again whenever it is written, the same words or not.
  function say(sentence) {
    if (statusLine.textContent !== sentence) statusLine.textContent = sentence;
  }

  return {
    say,
    complain(sentence) {
      errorLine.textContent = sentence;
      errorLine.hidden = !sentence;
    },
    // The state is "running" or "idle"; an idle page may show what was measured of its run.
    enter(state, sentence, measured = "") {
      root.dataset.state = state;
      measuredLine.textContent = measured;
      const [enabled, disabled] = state === "running" ? [stopButton, sampleButton] : [sampleButton, stopButton];
      enabled.disabled = false;
      if (document.activeElement === disabled) enabled.focus(); // a disabled button would lose the keyboard
      disabled.disabled = true;
      say(sentence);
    },
  };
}
