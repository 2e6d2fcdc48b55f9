// The loupe: the same place of both sides side by side, with single pixels to be seen.

import { find, findAll } from "../../static/dom.js";
import { arrange, pixelAt, within } from "./pictures.js";

/**
 * @import { Header } from "./moments.js"
 * @import { Scene } from "./screen.js"
 */

/** @typedef {{ image: number, x: number, y: number }} Pixel of one of the images of a side */

const SPAN = 20; // pixels of a picture in the loupe, which stylesheets show at 8 times their size
const AWAY = 22; // distance of the loupe from the pointer

/** @type {Record<string, [number, number]>} */
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** The loupe's own elements, outside of what is laid out. @param {HTMLElement} root */
function makeBox(root) {
  const box = document.createElement("section");
  box.className = "pds pds-loupe";
  box.hidden = true;
  box.setAttribute("aria-label", "Loupe");
  box.innerHTML =
    '<figure class="vanilla"><figcaption></figcaption><canvas></canvas></figure>' +
    '<figure class="ours"><figcaption></figcaption><canvas></canvas></figure>' +
    '<p role="status"></p><button type="button" aria-label="Close the loupe">×</button>';
  root.closest(".contain")?.append(box);
  const lenses = findAll(box, "canvas", HTMLCanvasElement);
  for (const lens of lenses) lens.width = lens.height = SPAN;
  return { box, lenses, figures: findAll(box, "figure"), titles: findAll(box, "figcaption"), place: find(box, "p") };
}

/**
 * Draws the surroundings of a pixel of both sides, and says where it is.
 * @param {ReturnType<typeof makeBox>} box
 * @param {Scene} scene
 * @param {Pixel} at
 */
function drawLenses({ lenses, figures, titles, place }, { header, sheet, row, names, order }, at) {
  const { width, height, request } = header;
  const [left, top] = [within(at.x - SPAN / 2, width - SPAN), within(at.y - SPAN / 2, height - SPAN)];
  lenses.forEach((lens, side) => {
    const context = /** @type {CanvasRenderingContext2D} */ (lens.getContext("2d"));
    const from = (order[side] * request.num_images + at.image) * width + left;
    context.imageSmoothingEnabled = false;
    context.drawImage(sheet, from, row * height + top, SPAN, SPAN, 0, 0, SPAN, SPAN);
    figures[side].style.setProperty("--x", String(at.x - left));
    figures[side].style.setProperty("--y", String(at.y - top));
    titles[side].textContent = names[order[side]];
  });
  const seed = request.seed + at.image;
  place.textContent = `Image ${at.image + 1} (seed ${seed}), pixel ${at.x + 1} across, ${at.y + 1} down`;
}

/**
 * Where the grid of a side lies in the window, which its canvas contains.
 * @param {HTMLCanvasElement} canvas
 * @param {Header} header
 */
function gridOf(canvas, header) {
  const { across, down, places } = arrange(header);
  const frame = canvas.getBoundingClientRect();
  const scale = Math.min(frame.width / across, frame.height / down);
  const left = frame.left + (frame.width - scale * across) / 2;
  const top = frame.top + (frame.height - scale * down) / 2;
  return { places, scale, left, top };
}

/**
 * The pixel under a pointer, null beside the grid.
 * @param {HTMLCanvasElement} canvas
 * @param {Header} header
 * @param {MouseEvent} event
 */
function pixelUnder(canvas, header, { clientX, clientY }) {
  const { scale, left, top } = gridOf(canvas, header);
  return pixelAt(header, Math.floor((clientX - left) / scale), Math.floor((clientY - top) / scale));
}

/**
 * The middle of a pixel in the window.
 * @param {HTMLCanvasElement} canvas
 * @param {Header} header
 * @param {Pixel} pixel
 * @returns {[number, number]}
 */
function middleOf(canvas, header, { image, x, y }) {
  const { places, scale, left, top } = gridOf(canvas, header);
  const [px, py] = places[image];
  return [left + scale * (px + x + 0.5), top + scale * (py + y + 0.5)];
}

/**
 * Places the loupe below a point of the window or above it: a hand is below, and the window ends somewhere.
 * @param {HTMLElement} box
 * @param {[number, number]} point
 * @param {boolean} touched
 */
function placeBox(box, [x, y], touched) {
  const { width, height } = box.getBoundingClientRect();
  const [above, below] = [y - AWAY - height, y + AWAY];
  const upward = touched ? above >= 0 : below + height > innerHeight;
  box.style.left = `${within(x - width / 2, innerWidth - width)}px`;
  box.style.top = `${upward ? Math.max(0, above) : below}px`;
}

/**
 * @param {HTMLElement} root
 * @param {HTMLCanvasElement[]} canvases of both sides
 * @param {() => Scene | null} scene returns what is on screen, null before the first picture
 * @returns {() => void} draws the loupe again
 */
export function makeLoupe(root, canvases, scene) {
  const button = find(root, ".pds-loupe-switch");
  const parts = makeBox(root);
  const { box } = parts;
  /** @type {Pixel & { side: number } | null} */
  let at = null; // the pixel in the middle, and its side
  let pinned = false; // stays when the pointer leaves
  let dismissed = false; // closed by Escape, until the pointer comes back

  function draw() {
    const shown = scene();
    if (!at || !shown) return;
    const { width, height, request } = shown.header;
    const [image, x, y] = [within(at.image, request.num_images - 1), within(at.x, width - 1), within(at.y, height - 1)];
    at = { side: at.side, image, x, y };
    drawLenses(parts, shown, at);
  }

  function pin(/** @type {boolean} */ wanted) {
    pinned = wanted;
    button.setAttribute("aria-pressed", String(wanted));
    box.classList.toggle("pinned", wanted);
    root.classList.toggle("magnified", wanted); // a finger on a picture then moves the loupe, not the page
    if (!wanted) box.hidden = true;
  }

  function hide() {
    if (!pinned) box.hidden = true;
  }

  /** @param {number} side @param {Pixel} pixel */
  function open(side, pixel) {
    at = { ...pixel, side };
    box.hidden = false;
    draw();
  }

  // Opens the loupe at a pointer, or hides it beside the pictures. Returns whether it is open.
  function follow(/** @type {number} */ side, /** @type {PointerEvent} */ event) {
    const shown = scene();
    const pixel = shown && pixelUnder(canvases[side], shown.header, event);
    if (!pixel) {
      hide();
      return false;
    }
    open(side, pixel);
    placeBox(box, [event.clientX, event.clientY], event.pointerType !== "mouse");
    return true;
  }

  // Moves the loupe by pixels, from the middle of the first picture if it was not open yet.
  function step(/** @type {number} */ side, dx = 0, dy = 0) {
    const shown = scene();
    if (!shown) return;
    const { width, height } = shown.header;
    const from = at ?? { image: 0, x: Math.floor(width / 2), y: Math.floor(height / 2) };
    open(side, { image: from.image, x: within(from.x + dx, width - 1), y: within(from.y + dy, height - 1) });
    placeBox(box, middleOf(canvases[side], shown.header, at ?? from), false);
  }

  canvases.forEach((canvas, side) => {
    canvas.addEventListener("pointerenter", () => (dismissed = false));
    canvas.addEventListener("pointermove", (event) => {
      if (pinned || (event.pointerType === "mouse" && !dismissed)) follow(side, event);
    });
    canvas.addEventListener("pointerleave", hide);
    canvas.addEventListener("click", (event) => {
      const pointer = /** @type {PointerEvent} */ (event);
      if (follow(side, pointer) && pointer.pointerType !== "mouse") pin(true);
    });
    canvas.addEventListener("blur", hide);
    canvas.addEventListener("keydown", (event) => {
      if (!(event.key in MOVES) || !scene()) return;
      event.preventDefault();
      const [dx, dy] = MOVES[event.key].map((d) => d * (event.shiftKey ? 10 : 1));
      step(side, dx, dy);
    });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || box.hidden) return;
    dismissed = true;
    pin(false);
  });
  new IntersectionObserver((entries) => {
    if (!entries[entries.length - 1].isIntersecting) pin(false); // another tab
  }).observe(root);
  button.addEventListener("click", () => {
    pin(!pinned && scene() !== null);
    if (!pinned) return;
    const side = at?.side ?? 0;
    step(side);
    canvases[side].focus({ preventScroll: true });
  });
  find(box, "button").addEventListener("click", () => {
    pin(false);
    button.focus();
  });
  return draw;
}
