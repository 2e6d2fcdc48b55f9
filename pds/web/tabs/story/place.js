// Where the reader is: the step in the address, in the list of steps, and in this browser's memory.

const MEMORY = "pds-story";

// { step, guesses: { step: guess } }, kept from visit to visit where the browser allows it.
function makeMemory() {
  const empty = () => ({ step: "", guesses: {} });
  let kept = empty();
  try {
    const stored = JSON.parse(localStorage.getItem(MEMORY));
    if (stored?.guesses?.constructor === Object) kept = { ...kept, ...stored };
  } catch {
    // nothing was kept, or by another program
  }
  const write = (change) => {
    kept = { ...kept, ...change };
    try {
      localStorage.setItem(MEMORY, JSON.stringify(kept));
    } catch {
      // for this visit only
    }
  };
  return {
    step: () => kept.step,
    guesses: () => kept.guesses,
    keepStep: (step) => write({ step }),
    keepGuess: (step, guess) => write({ guesses: { ...kept.guesses, [step]: guess } }),
    clear: () => write(empty()),
  };
}

// Lists the steps, follows the reader through them, and finds the step of the address. `sections` by
// name, in order; `complain` shows a sentence.
function makePlace(pane, sections, memory, complain) {
  const list = pane.querySelector(".pds-way nav");
  const names = [...sections.keys()];
  let current = names[0];

  const buttons = new Map(
    names.map((name, i) => {
      const link = document.createElement("a");
      const title = sections.get(name).querySelector("h2").lastChild.textContent.trim();
      Object.assign(link, { href: `?tab=story&step=${name}`, textContent: i + 1, title });
      link.setAttribute("aria-label", `Step ${i + 1}: ${title}`);
      link.addEventListener("click", (event) => {
        event.preventDefault();
        go(name);
      });
      return [name, link];
    })
  );
  list.append(...buttons.values());

  function show() {
    for (const [name, link] of buttons) {
      if (name === current) link.setAttribute("aria-current", "step");
      else link.removeAttribute("aria-current");
    }
  }

  function go(name) {
    sections.get(name).scrollIntoView();
    reach(name);
  }

  function reach(name) {
    current = name;
    memory.keepStep(name);
    show();
    document.dispatchEvent(new CustomEvent("pds-place", { detail: { tab: "story", step: name } }));
  }

  // The step at a line in the upper part of the window.
  const line = new IntersectionObserver(
    (entries) => {
      const here = entries.find(({ isIntersecting }) => isIntersecting);
      if (here && here.target.dataset.step !== current) reach(here.target.dataset.step);
    },
    { rootMargin: "-20% 0px -79% 0px" }
  );

  // The step of a link, else the one where the reader was.
  function first() {
    const asked = new URLSearchParams(location.search).get("step");
    if (asked === null) return names.includes(memory.step()) ? memory.step() : names[0];
    if (names.includes(asked)) return asked;
    complain(`step must be one of ${names.join(", ")}, got '${asked.slice(0, 60)}'`);
    return names[0];
  }

  // The tab is hidden until it is chosen, and so is where it was scrolled to.
  let opened = false;
  const visible = new IntersectionObserver((entries) => {
    if (!entries.at(-1).isIntersecting) return line.disconnect();
    if (!opened) current = first();
    if (opened || current !== names[0]) sections.get(current).scrollIntoView();
    opened = true;
    show();
    for (const section of sections.values()) line.observe(section);
  });
  visible.observe(pane);

  return { go };
}
