// One plane of the story's first step, drawn on a canvas: a density, its walks, and a histogram along
// both axes. Points are [x, y] in the units of the plane, y upward.

import { find } from "../../static/dom.js";
import { BIN, clamped } from "./geometry.js";

/** @import { Point } from "./geometry.js" */
/** @typedef {ReturnType<typeof makeCanvas>} Canvas */

const STRIP = 0.62; // height of a histogram

/**
 * A grayscale picture as opacity of one color.
 * @param {string} source a PNG in base64
 */
export async function stencil(source) {
  const image = new Image();
  image.src = "data:image/png;base64," + source;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = brushOf(canvas);
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, image.width, image.height);
  for (let i = 0; i < pixels.data.length; i += 4) pixels.data[i + 3] = pixels.data[i] * 0.62;
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/** @param {OffscreenCanvas} canvas */
function brushOf(canvas) {
  return /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
}

/**
 * The scale of a plane: from its units, y upward, to pixels of the page, y downward.
 * @param {HTMLElement} box
 * @param {HTMLCanvasElement} canvas
 * @param {Point} reach of the plane on both sides of 0
 * @param {() => void} onResize
 */
function makeScale(box, canvas, [rx, ry], onResize) {
  const size = [2 * rx + STRIP, 2 * ry + STRIP];
  box.style.aspectRatio = `${size[0]} / ${size[1]}`;
  let unit = 0; // pixels of one unit

  new ResizeObserver(() => {
    const density = window.devicePixelRatio || 1;
    unit = box.clientWidth / size[0];
    canvas.width = Math.round(box.clientWidth * density);
    canvas.height = Math.round(unit * size[1] * density);
    onResize();
  }).observe(box);

  return {
    unit: () => unit,
    // Pixels of the canvas for one of the page.
    density: () => canvas.width / (unit * size[0]),
    /** @param {Point} point @returns {Point} */
    pixels: ([x, y]) => [(x + rx) * unit, (ry - y) * unit],
    /** The nearest point of the plane. @param {Point} point @returns {Point} */
    inside: ([x, y]) => [clamped(x, -rx, rx), clamped(y, -ry, ry)],
    /** The point under a pointer. @param {PointerEvent} event @returns {Point} */
    under({ clientX, clientY }) {
      const { left, top } = box.getBoundingClientRect();
      return [(clientX - left) / unit - rx, ry - (clientY - top) / unit];
    },
  };
}

/**
 * Draws in a box.
 * @param {HTMLElement} box which takes handles as well
 * @param {object} options
 * @param {Point} options.reach of the plane on both sides of 0
 * @param {() => void} options.onResize puts the handles in their places
 */
export function makeCanvas(box, { reach, onResize }) {
  const canvas = find(box, "canvas", HTMLCanvasElement);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const [rx, ry] = reach;
  const { unit, density, ...scale } = makeScale(box, canvas, reach, onResize);
  const { pixels } = scale;

  /**
   * @param {Point[]} points
   * @param {string} color
   * @param {{ width?: number, dash?: number[] }} [style]
   */
  function stroke(points, color, { width = 1, dash = [] } = {}) {
    context.beginPath();
    for (const point of points) context.lineTo(...pixels(point));
    Object.assign(context, { strokeStyle: color, lineWidth: width });
    context.setLineDash(dash);
    context.stroke();
    context.setLineDash([]);
  }

  /** @param {Point} point @param {string} color @param {number} radius */
  function dot(point, color, radius) {
    context.fillStyle = color;
    context.beginPath();
    context.arc(...pixels(point), radius, 0, 7);
    context.fill();
  }

  /**
   * Text above or below a point and inside the plane, with a rim of the paper's color.
   * @param {string} text
   * @param {Point} point
   * @param {{ above: boolean, color: string, paper: string }} style
   */
  function write(text, point, { above, color, paper }) {
    context.font = `600 14px ${getComputedStyle(box).fontFamily}`;
    const [x, y] = pixels(point);
    const half = context.measureText(text).width / 2 + 4;
    const left = clamped(x, half, 2 * rx * unit() - half);
    const top = clamped(y + (above ? -12 : 21), 16, 2 * ry * unit() - 6);
    const rim = { strokeStyle: paper, lineWidth: 4, lineJoin: "round" };
    Object.assign(context, { fillStyle: color, textAlign: "center", ...rim });
    context.strokeText(text, left, top);
    context.fillText(text, left, top);
  }

  /** A density in one color, over the plane. @param {OffscreenCanvas} mask @param {string} color */
  function shade(mask, color) {
    const tinted = new OffscreenCanvas(mask.width, mask.height);
    const brush = brushOf(tinted);
    brush.drawImage(mask, 0, 0);
    brush.globalCompositeOperation = "source-in";
    brush.fillStyle = color;
    brush.fillRect(0, 0, mask.width, mask.height);
    context.drawImage(tinted, 0, 0, 2 * rx * unit(), 2 * ry * unit());
  }

  /**
   * Bars of a histogram over the exact density, below (axis 0) or to the right (axis 1).
   * @param {number} axis
   * @param {Float64Array | null} counts
   * @param {number[]} exact density
   * @param {{ color: string, ink: string }} style
   */
  function bars(axis, counts, exact, { color, ink }) {
    const most = 1.5 * Math.max(...exact);
    const along = (/** @type {number} */ i, /** @type {number} */ n) => -reach[axis] + (2 * reach[axis] * i) / n;
    const far = (/** @type {number} */ height) => STRIP * Math.min(1, height / most);
    /** @type {(at: number, height: number) => Point} */
    const place = (at, height) => (axis ? [rx + far(height), at] : [at, -ry - far(height)]);
    context.fillStyle = color;
    counts?.forEach((height, i) => {
      const [x0, y0] = pixels(place(-reach[axis] + i * BIN, 0)).map(Math.round);
      const [x1, y1] = pixels(place(-reach[axis] + (i + 1) * BIN, height)).map(Math.round);
      context.fillRect(Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0), Math.abs(y1 - y0));
    });
    stroke(exact.map((height, i) => place(along(i, exact.length - 1), height)), ink, { width: 1.5 });
  }

  /**
   * Empties the plane, lets `drawing` draw what is clipped to it, and draws its frame.
   * @param {() => void} drawing
   * @param {string} line color of the frame
   */
  function plane(drawing, line) {
    context.setTransform(density(), 0, 0, density(), 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.save();
    context.beginPath();
    context.rect(0, 0, 2 * rx * unit(), 2 * ry * unit());
    context.clip();
    drawing();
    context.restore();
    stroke([[-rx, -ry], [rx, -ry], [rx, ry], [-rx, ry], [-rx, -ry]], line);
  }

  return { ...scale, unit, plane, shade, stroke, dot, write, bars };
}
