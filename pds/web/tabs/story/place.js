// Where the reader is: the step in the address, in the list of steps, and in this browser's memory.

import { find, findAll } from "../../static/dom.js";

/** @import { Guess } from "./guess.js" */
/** @typedef {ReturnType<typeof makeMemory>} Memory */

const MEMORY = "pds-story";
const PAUSE = 500; // ms that a reader stays at a step, other than one that is scrolled past
const LINE = 0.3; // of the window's height: what is read stands there

/** @param {unknown} guess @returns {guess is Guess} */
function isGuess(guess) {
  const isAmount = (/** @type {unknown} */ value) => typeof value === "number" && Number.isFinite(value);
  if (Array.isArray(guess)) return guess.length === 2 && guess.every(isAmount);
  return guess === null || isAmount(guess) || (typeof guess === "string" && guess.length <= 60);
}

/**
 * What another visit kept, without what is no step or no guess: another program may have written it.
 * @param {string[]} names of the steps
 * @returns {{ step: string, guesses: Record<string, Guess> }}
 */
function kept(names) {
  let stored = null;
  try {
    stored = JSON.parse(localStorage.getItem(MEMORY) ?? "null");
  } catch {
    // not allowed, or not JSON
  }
  const { step, guesses } = Object(stored);
  /** @type {[string, unknown][]} */
  const entries = Object.entries(Object(guesses));
  const known = entries.filter(/** @returns {entry is [string, Guess]} */ (entry) => names.includes(entry[0]) && isGuess(entry[1]));
  return { step: names.includes(step) ? step : "", guesses: Object.fromEntries(known) };
}

/**
 * The step where the reader was and the guesses, kept from visit to visit where the browser allows it.
 * @param {string[]} names of the steps
 */
export function makeMemory(names) {
  let state = kept(names);
  const write = (/** @type {Partial<typeof state>} */ change) => {
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
    keepStep: (/** @type {string} */ step) => write({ step }),
    // The reader is where a guess is made.
    keepGuess: (/** @type {string} */ step, /** @type {Guess} */ guess) =>
      write({ step, guesses: { ...state.guesses, [step]: guess } }),
    clear: () => write({ step: "", guesses: {} }),
  };
}

/**
 * Holds a step at the top of the window while figures above it are drawn, until the reader moves.
 * @param {HTMLElement} pane
 */
function makeAnchor(pane) {
  /** @type {HTMLElement | null} */
  let held = null;
  let until = 0;
  const release = () => {
    held = null;
  };
  for (const type of ["wheel", "touchstart", "keydown", "pointerdown"]) {
    addEventListener(type, release, { capture: true, passive: true });
  }
  new ResizeObserver(() => held?.scrollIntoView()).observe(pane);
  return {
    holds: () => held !== null,
    release,
    hold(/** @type {HTMLElement} */ section) {
      held = section;
      section.scrollIntoView();
      clearTimeout(until);
      until = setTimeout(release, 5000);
    },
  };
}

/**
 * Links to the steps, each marked when it is the current one and when its answer is open.
 * @param {HTMLElement} list
 * @param {Map<string, HTMLElement>} sections
 * @param {(name: string) => void} go
 * @returns {(current: string) => void} marks the links
 */
function makeLinks(list, sections, go) {
  const links = [...sections].map(([name, section], i) => {
    const link = document.createElement("a");
    const heading = find(section, "h2");
    const title = heading.lastChild?.textContent?.trim() ?? "";
    Object.assign(link, { href: `?tab=story&step=${name}`, textContent: i + 1, title });
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // opens elsewhere
      event.preventDefault();
      go(name);
      heading.focus({ preventScroll: true });
    });
    heading.tabIndex = -1;
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

/** Whether a part of the page is where the reader reads; an observer says so only with the next frame. */
function isAtLine(/** @type {Element} */ part) {
  const { top, bottom } = part.getBoundingClientRect();
  return top <= (LINE + 0.01) * innerHeight && bottom >= LINE * innerHeight;
}

/**
 * Reports at which step the reader stays. The root is the document of this page: in a frame of another
 * host a browser would take its window, and ignore margins.
 * @param {Map<Element, string>} parts the name of a step for each section
 * @param {(name: string) => void} onReach
 */
function makeFollower(parts, onReach) {
  let settling = 0;
  /** @type {Set<Element>} */
  const atLine = new Set(); // an observer may report the section that comes and the one that leaves in separate calls
  const margin = `-${100 * LINE}% 0px -${99 - 100 * LINE}% 0px`;
  const line = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) atLine.add(target);
        else atLine.delete(target);
      }
      clearTimeout(settling);
      const [here] = atLine;
      const name = here && parts.get(here);
      if (name) settling = setTimeout(() => isAtLine(here) && onReach(name), PAUSE);
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

/**
 * Follows the reader through the steps, and finds the step of the address.
 * @param {HTMLElement} pane
 * @param {Map<string, HTMLElement>} sections by name, in order
 * @param {object} options
 * @param {Memory} options.memory
 * @param {(sentence: string) => void} options.complain
 * @param {() => void} options.onOpen called when the tab is chosen for the first time
 */
export function makePlace(pane, sections, { memory, complain, onOpen }) {
  const names = [...sections.keys()];
  const anchor = makeAnchor(pane);
  const mark = makeLinks(find(pane, ".pds-way nav"), sections, go);
  const parts = findAll(pane, ":scope > section"); // the steps, and what follows the last
  const follower = makeFollower(
    new Map(parts.map((part) => [part, part.dataset.step ?? names[names.length - 1]])),
    (name) => {
      if (name !== current && !anchor.holds()) reach(name);
    }
  );
  let current = names[0];
  /** @type {string | null} */
  let requested = null; // a step to go to when the tab is next in view
  let opened = false;
  let scrolled = 0; // where the window was when the tab was last on show
  let left = false; // for the comparison, whose pictures the window scrolls to before this tab is hidden

  const sectionOf = (/** @type {string} */ name) => /** @type {HTMLElement} */ (sections.get(name));

  function go(/** @type {string} */ name) {
    complain("");
    reach(name);
    if (pane.offsetParent) anchor.hold(sectionOf(name));
    else requested = name;
  }

  // Back to the beginning, above the first step.
  function restart() {
    complain("");
    anchor.release();
    reach(names[0]);
    scrollTo(0, 0);
  }

  function reach(/** @type {string} */ name) {
    current = name;
    memory.keepStep(name);
    mark(current);
    document.dispatchEvent(new CustomEvent("pds-place", { detail: { tab: "story", step: name } }));
  }

  // The step of a link, else the one where the reader was.
  function first() {
    const name = new URLSearchParams(location.search).get("step");
    if (name === null) return memory.step() || names[0];
    if (names.includes(name)) return name;
    complain(`step must be one of ${names.join(", ")}, got '${name.slice(0, 60)}'.`);
    return names[0];
  }

  // The tab is hidden until it is chosen, and so is where it was scrolled to.
  function arrive() {
    left = false;
    if (!opened) {
      opened = true;
      pane.dataset.answered ??= "1"; // it can be used
      onOpen();
      reach(requested ?? first());
    }
    if (isAboveSteps() && current !== names[0]) requested ??= current; // the tabs are up there
    if (requested) anchor.hold(sectionOf(requested));
    else scrollTo(0, scrolled);
    requested = null;
    follower.start();
  }

  function isAboveSteps() {
    const top = sectionOf(names[0]).getBoundingClientRect().top + scrollY;
    return scrolled + LINE * innerHeight < top;
  }

  new IntersectionObserver((entries) => {
    follower.stop();
    if (entries.at(-1)?.isIntersecting) arrive();
  }).observe(pane);
  addEventListener("scroll", () => {
    if (pane.offsetParent && !left) scrolled = scrollY;
  }, { passive: true });

  const states = new MutationObserver(() => mark(current));
  for (const section of sections.values()) states.observe(section, { attributeFilter: ["data-state"] });
  mark(current);

  return {
    go,
    restart,
    leave() {
      left = true;
    },
  };
}
