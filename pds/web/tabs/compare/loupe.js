// The loupe: the same place of both sides side by side, with single pixels to be seen.

import { arrange, pixelAt, within } from "./pictures.js";

const SPAN = 20; // pixels of a picture in the loupe, which stylesheets show at 8 times their size
const AWAY = 22; // distance of the loupe from the pointer

// The loupe's own elements, outside of what is laid out.
function makeBox(root) {
  const box = document.createElement("section");
  box.className = "pds pds-loupe";
  box.hidden = true;
  box.setAttribute("aria-label", "Loupe");
  box.innerHTML =
    '<figure class="vanilla"><figcaption></figcaption><canvas></canvas></figure>' +
    '<figure class="ours"><figcaption></figcaption><canvas></canvas></figure>' +
    '<p role="status"></p><button type="button" aria-label="Close the loupe">×</button>';
  root.closest(".contain").append(box);
  const lenses = [...box.querySelectorAll("canvas")];
  for (const lens of lenses) lens.width = lens.height = SPAN;
  return { box, lenses, titles: box.querySelectorAll("figcaption"), place: box.querySelector("p") };
}

// Draws the surroundings of a pixel of both sides, and says where it is.
function drawLenses({ lenses, titles, place }, { header, sheet, row, names, order }, at) {
  const { width, height, request } = header;
  const [left, top] = [within(at.x - SPAN / 2, width - SPAN), within(at.y - SPAN / 2, height - SPAN)];
  lenses.forEach((lens, side) => {
    const context = lens.getContext("2d");
    const from = (order[side] * request.num_images + at.image) * width + left;
    context.imageSmoothingEnabled = false;
    context.drawImage(sheet, from, row * height + top, SPAN, SPAN, 0, 0, SPAN, SPAN);
    lens.parentElement.style.setProperty("--x", at.x - left);
    lens.parentElement.style.setProperty("--y", at.y - top);
    titles[side].textContent = names[order[side]];
  });
  const seed = request.seed + at.image;
  place.textContent = `Picture ${at.image + 1} (seed ${seed}), pixel ${at.x + 1} across, ${at.y + 1} down`;
}

// Where the grid of a side lies in the window, which its canvas contains.
function gridOf(canvas, header) {
  const { across, down, places } = arrange(header);
  const frame = canvas.getBoundingClientRect();
  const scale = Math.min(frame.width / across, frame.height / down);
  const left = frame.left + (frame.width - scale * across) / 2;
  const top = frame.top + (frame.height - scale * down) / 2;
  return { places, scale, left, top };
}

// `scene` returns what is on screen (see screen.js), null before the first picture.
export function makeLoupe(root, canvases, scene) {
  const button = root.querySelector(".pds-loupe-switch");
  const parts = makeBox(root);
  const { box } = parts;
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

  // Below a point of the window or above it: a hand is below, and the window ends somewhere.
  function move(x, y, touched) {
    const { width, height } = box.getBoundingClientRect();
    const [above, below] = [y - AWAY - height, y + AWAY];
    const upward = touched ? above >= 0 : below + height > innerHeight;
    box.style.left = `${within(x - width / 2, innerWidth - width)}px`;
    box.style.top = `${upward ? Math.max(0, above) : below}px`;
  }

  function pointed(canvas, { clientX, clientY }) {
    const { header } = scene();
    const { scale, left, top } = gridOf(canvas, header);
    return pixelAt(header, Math.floor((clientX - left) / scale), Math.floor((clientY - top) / scale));
  }

  function open(side, pixel, point) {
    at = { ...pixel, side };
    box.hidden = false;
    draw();
    if (!point) {
      const { places, scale, left, top } = gridOf(canvases[side], scene().header);
      const [px, py] = places[at.image];
      point = [left + scale * (px + at.x + 0.5), top + scale * (py + at.y + 0.5)];
    }
    move(...point);
  }

  function pin(wanted) {
    pinned = wanted;
    button.setAttribute("aria-pressed", wanted);
    box.classList.toggle("pinned", wanted);
    root.classList.toggle("magnified", wanted); // a finger on a picture then moves the loupe, not the page
    if (!wanted) box.hidden = true;
  }

  function step(side, dx, dy) {
    const { width, height } = scene().header;
    const from = at ?? { image: 0, x: Math.floor(width / 2), y: Math.floor(height / 2) };
    open(side, { image: from.image, x: within(from.x + dx, width - 1), y: within(from.y + dy, height - 1) });
  }

  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvases.forEach((canvas, side) => {
    const follow = (event) => {
      const pixel = scene() && pointed(canvas, event);
      const point = [event.clientX, event.clientY, event.pointerType !== "mouse"];
      if (pixel) open(side, pixel, point);
      else if (!pinned) box.hidden = true;
      return pixel;
    };
    canvas.addEventListener("pointerenter", () => (dismissed = false));
    canvas.addEventListener("pointermove", (event) => {
      if (pinned || (event.pointerType === "mouse" && !dismissed)) follow(event);
    });
    canvas.addEventListener("pointerleave", () => pinned || (box.hidden = true));
    canvas.addEventListener("click", (event) => {
      if (follow(event) && event.pointerType !== "mouse") pin(true);
    });
    canvas.addEventListener("blur", () => pinned || (box.hidden = true));
    canvas.addEventListener("keydown", (event) => {
      if (!moves[event.key] || !scene()) return;
      event.preventDefault();
      const far = event.shiftKey ? 10 : 1;
      step(side, ...moves[event.key].map((d) => d * far));
    });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || box.hidden) return;
    dismissed = true;
    pin(false);
  });
  new IntersectionObserver((entries) => entries.at(-1).isIntersecting || pin(false)).observe(root); // another tab
  button.addEventListener("click", () => {
    pin(!pinned && Boolean(scene()));
    if (!pinned) return;
    step(at?.side ?? 0, 0, 0);
    canvases[at.side].focus({ preventScroll: true });
  });
  box.querySelector("button").addEventListener("click", () => {
    pin(false);
    button.focus();
  });
  return draw;
}
