// Where the reader is: the step in the address, in the list of steps, and in this browser's memory.

const MEMORY = "pds-story";
const PAUSE = 500; // ms that a reader stays at a step, other than one that is scrolled past
const LINE = 0.3; // of the window's height: what is read stands there

// A guess is a name, a number, a point, or null for a question that was passed over.
function isGuess(guess) {
  const isAmount = (value) => typeof value === "number" && Number.isFinite(value);
  if (Array.isArray(guess)) return guess.length === 2 && guess.every(isAmount);
  return guess === null || isAmount(guess) || (typeof guess === "string" && guess.length <= 60);
}

// What another visit kept, without what is no step or no guess: another program may have written it.
function kept(names) {
  let stored = null;
  try {
    stored = JSON.parse(localStorage.getItem(MEMORY));
  } catch {
    // not allowed, or not JSON
  }
  const { step, guesses } = Object(stored);
  const known = Object.entries(Object(guesses)).filter(([name, guess]) => names.includes(name) && isGuess(guess));
  return { step: names.includes(step) ? step : "", guesses: Object.fromEntries(known) };
}

// { step, guesses: { step: guess } }, kept from visit to visit where the browser allows it.
export function makeMemory(names) {
  let state = kept(names);
  const write = (change) => {
    state = { ...state, ...change };
    try {
      localStorage.setItem(MEMORY, JSON.stringify(state));
    } catch {
      // for this visit only
    }
  };
  return {
    step: () => state.step,
    guesses: () => state.guesses,
    keepStep: (step) => write({ step }),
    keepGuess: (step, guess) => write({ step, guesses: { ...state.guesses, [step]: guess } }), // who answers is there
    clear: () => write({ step: "", guesses: {} }),
  };
}

// Holds a step at the top of the window while figures above it are drawn, until the reader moves.
function makeAnchor(pane) {
  let held = null;
  let until = 0;
  const release = () => (held = null);
  for (const type of ["wheel", "touchstart", "keydown", "pointerdown"]) {
    addEventListener(type, release, { capture: true, passive: true });
  }
  new ResizeObserver(() => held?.scrollIntoView()).observe(pane);
  return {
    holds: () => held !== null,
    release,
    hold(section) {
      held = section;
      section.scrollIntoView();
      clearTimeout(until);
      until = setTimeout(release, 5000);
    },
  };
}

// Links to the steps, each marked when it is the current one and when its answer is open.
function makeLinks(list, sections, go) {
  const links = [...sections].map(([name, section], i) => {
    const link = document.createElement("a");
    const title = section.querySelector("h2").lastChild.textContent.trim();
    Object.assign(link, { href: `?tab=story&step=${name}`, textContent: i + 1, title });
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // opens elsewhere
      event.preventDefault();
      go(name);
      section.querySelector("h2").focus({ preventScroll: true });
    });
    section.querySelector("h2").tabIndex = -1;
    return { name, section, link, title };
  });
  list.append(...links.map(({ link }) => link));
  return (current) =>
    links.forEach(({ name, section, link, title }, i) => {
      const isOpen = section.dataset.state === "shown";
      link.classList.toggle("done", isOpen);
      link.setAttribute("aria-label", `Step ${i + 1}: ${title}${isOpen ? " (answer open)" : ""}`);
      if (name === current) link.setAttribute("aria-current", "step");
      else link.removeAttribute("aria-current");
    });
}

// Tells at which step the reader stays. `parts` has the name of a step for each section. The root is the
// document of this page: in a frame of another host a browser would take its window, and ignore margins.
function makeFollower(parts, onReach) {
  let settling = 0;
  const atLine = new Set(); // an observer may tell of the section that comes and of that which leaves apart
  const margin = `-${100 * LINE}% 0px -${99 - 100 * LINE}% 0px`;
  const line = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) atLine.add(target);
        else atLine.delete(target);
      }
      clearTimeout(settling);
      const [here] = atLine;
      if (here) settling = setTimeout(() => onReach(parts.get(here)), PAUSE);
    },
    { root: document, rootMargin: margin }
  );
  return {
    start: () => [...parts.keys()].forEach((section) => line.observe(section)),
    stop() {
      clearTimeout(settling);
      atLine.clear();
      line.disconnect();
    },
  };
}

// Follows the reader through the steps, and finds the step of the address. `sections` by name, in
// order; `complain` shows a sentence; `onOpen` is told when the tab is chosen for the first time.
export function makePlace(pane, sections, { memory, complain, onOpen }) {
  const names = [...sections.keys()];
  const anchor = makeAnchor(pane);
  const mark = makeLinks(pane.querySelector(".pds-way nav"), sections, go);
  const parts = [...pane.querySelectorAll(":scope > section")]; // the steps, and what follows the last
  const follower = makeFollower(
    new Map(parts.map((part) => [part, part.dataset.step ?? names.at(-1)])),
    (name) => name !== current && !anchor.holds() && reach(name)
  );
  let current = names[0];
  let wanted = null; // a step that was asked for while the tab was hidden
  let opened = false;
  let scrolled = 0; // where the window was when the tab was last on show
  let left = false; // for the comparison, whose pictures the window scrolls to before this tab is hidden

  function go(name) {
    complain("");
    reach(name);
    if (pane.offsetParent) anchor.hold(sections.get(name));
    else wanted = name;
  }

  // Back to the beginning, above the first step.
  function restart() {
    complain("");
    anchor.release();
    reach(names[0]);
    scrollTo(0, 0);
  }

  function reach(name) {
    current = name;
    memory.keepStep(name);
    mark(current);
    document.dispatchEvent(new CustomEvent("pds-place", { detail: { tab: "story", step: name } }));
  }

  // The step of a link, else the one where the reader was.
  function first() {
    const asked = new URLSearchParams(location.search).get("step");
    if (asked === null) return memory.step() || names[0];
    if (names.includes(asked)) return asked;
    complain(`step must be one of ${names.join(", ")}, got '${asked.slice(0, 60)}'.`);
    return names[0];
  }

  // The tab is hidden until it is chosen, and so is where it was scrolled to.
  function arrive() {
    left = false;
    if (!opened) {
      opened = true;
      pane.dataset.answered ??= 1; // it can be used
      onOpen();
      reach(wanted ?? first());
    }
    if (isAboveSteps() && current !== names[0]) wanted ??= current; // the tabs are up there
    if (wanted) anchor.hold(sections.get(wanted));
    else scrollTo(0, scrolled);
    wanted = null;
    follower.start();
  }

  function isAboveSteps() {
    const top = sections.get(names[0]).getBoundingClientRect().top + scrollY;
    return scrolled + LINE * innerHeight < top;
  }

  new IntersectionObserver((entries) => {
    follower.stop();
    if (entries.at(-1).isIntersecting) arrive();
  }).observe(pane);
  addEventListener("scroll", () => pane.offsetParent && !left && (scrolled = scrollY), { passive: true });

  const states = new MutationObserver(() => mark(current));
  for (const section of sections.values()) states.observe(section, { attributeFilter: ["data-state"] });
  mark(current);

  return { go, restart, leave: () => (left = true) };
}
