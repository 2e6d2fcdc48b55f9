// Pictures of a run: decoded from a sheet, arranged in a grid, painted into the canvas of a side.

/** @typedef {import("./moments.js").Header} Header */

/** @param {string} png in base 64 */
export async function decode(png) {
  const file = await fetch("data:image/png;base64," + png); // decodes faster than atob, asks no server
  return createImageBitmap(await file.blob(), { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}

/**
 * Where the pictures of a side lie in its grid, in pixels of the pictures.
 * @param {Pick<Header, "width" | "height" | "request">} header
 */
export function arrange({ width, height, request }) {
  const count = request.num_images;
  const columns = Math.ceil(Math.sqrt(count));
  const gap = Math.max(1, Math.round(width / 32));
  const place = (/** @type {number} */ i) => [(i % columns) * (width + gap), Math.floor(i / columns) * (height + gap)];
  return {
    across: columns * (width + gap) - gap,
    down: Math.ceil(count / columns) * (height + gap) - gap,
    places: Array.from({ length: count }, (_, i) => place(i)),
  };
}

/**
 * @param {number} value
 * @param {number} most
 */
export const within = (value, most) => Math.min(most, Math.max(0, value));

/**
 * The picture and its pixel at a point of a grid; null beside the grid. Half of a gap belongs to each
 * neighbor.
 * @param {Pick<Header, "width" | "height" | "request">} header
 * @param {number} x in pixels of the pictures
 * @param {number} y
 */
export function pixelAt(header, x, y) {
  const { width, height } = header;
  const { places } = arrange(header);
  const near = width / 32;
  const image = places.findIndex(
    ([left, top]) => x >= left - near && x < left + width + near && y >= top - near && y < top + height + near
  );
  if (image < 0) return null;
  const [left, top] = places[image];
  return { image, x: within(x - left, width - 1), y: within(y - top, height - 1) };
}

/**
 * A pixel of a picture takes a whole number of the screen's pixels where that fills the panel. Elsewhere
 * the canvas has more pixels than the panel, which the browser averages, so that all stay alike.
 * @param {HTMLCanvasElement} canvas
 * @param {number} across pixels of the pictures
 * @param {number} down
 */
function fit(canvas, across, down) {
  const { clientWidth, clientHeight } = /** @type {HTMLElement} */ (canvas.parentElement);
  const room = Math.min(clientWidth / across, clientHeight / down) * devicePixelRatio || 1;
  const whole = Math.floor(room + 0.01);
  const exact = whole >= 0.85 * room;
  const step = exact ? 1 : Math.max(1, Math.ceil(room));
  canvas.classList.toggle("exact", exact);
  canvas.dataset.step = String(step);
  canvas.style.width = exact ? `${(across * whole) / devicePixelRatio}px` : "100%";
  canvas.style.height = exact ? `${(down * whole) / devicePixelRatio}px` : "100%";
  const [width, height] = [across * step, down * step];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  return step;
}

/**
 * Paints pictures of a row of the sheet: those of one sampler.
 * @param {HTMLCanvasElement} canvas
 * @param {ImageBitmap} sheet
 * @param {number} row
 * @param {number} first of the pictures
 * @param {Header} header
 */
export function paint(canvas, sheet, row, first, header) {
  const { width, height } = header;
  const { across, down, places } = arrange(header);
  const step = fit(canvas, across, down);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.clearRect(0, 0, canvas.width, canvas.height); // a grid of this size may have had more pictures
  context.imageSmoothingEnabled = false;
  places.forEach(([x, y], i) => {
    const [left, top] = [(first + i) * width, row * height];
    context.drawImage(sheet, left, top, width, height, step * x, step * y, step * width, step * height);
  });
}
