// One plane of the story's first step, drawn on a canvas: a density, its walks, and a histogram along
// both axes. Points are [x, y] in the units of the plane, y upward.

import { BIN } from "./geometry.js";

const STRIP = 0.62; // height of a histogram

// A grayscale picture as opacity of one color.
export async function stencil(source) {
  const image = new Image();
  image.src = "data:image/png;base64," + source;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, image.width, image.height);
  for (let i = 0; i < pixels.data.length; i += 4) pixels.data[i + 3] = pixels.data[i] * 0.62;
  context.putImageData(pixels, 0, 0);
  return canvas;
}

// Draws in a box; `box` takes handles as well, which `onResize` puts in their places.
export function makeCanvas(box, { reach, onResize }) {
  const canvas = box.querySelector("canvas");
  const context = canvas.getContext("2d");
  const [rx, ry] = reach;
  const size = [2 * rx + STRIP, 2 * ry + STRIP];
  box.style.aspectRatio = `${size[0]} / ${size[1]}`;
  let unit = 0; // pixels of one unit
  const pixels = ([x, y]) => [(x + rx) * unit, (ry - y) * unit];
  const inside = ([x, y]) => [Math.max(-rx, Math.min(rx, x)), Math.max(-ry, Math.min(ry, y))];

  new ResizeObserver(() => {
    const density = window.devicePixelRatio || 1;
    unit = box.clientWidth / size[0];
    canvas.width = Math.round(box.clientWidth * density);
    canvas.height = Math.round(unit * size[1] * density);
    onResize();
  }).observe(box);

  function stroke(points, color, { width = 1, dash = [], fill = null } = {}) {
    context.beginPath();
    for (const point of points) context.lineTo(...pixels(point));
    Object.assign(context, { strokeStyle: color, lineWidth: width, fillStyle: fill ?? "transparent" });
    context.setLineDash(dash);
    if (fill) context.fill();
    context.stroke();
    context.setLineDash([]);
  }

  function dot(point, color, radius) {
    context.fillStyle = color;
    context.beginPath();
    context.arc(...pixels(point), radius, 0, 7);
    context.fill();
  }

  // Text above or below a point and inside the plane, with a rim of the paper's color.
  function write(text, point, { above, color, paper }) {
    context.font = `600 14px ${getComputedStyle(box).fontFamily}`;
    const [x, y] = pixels(point);
    const half = context.measureText(text).width / 2 + 4;
    const at = [
      Math.max(half, Math.min(2 * rx * unit - half, x)),
      Math.max(16, Math.min(2 * ry * unit - 6, y + (above ? -12 : 21))),
    ];
    const rim = { strokeStyle: paper, lineWidth: 4, lineJoin: "round" };
    Object.assign(context, { fillStyle: color, textAlign: "center", ...rim });
    context.strokeText(text, ...at);
    context.fillText(text, ...at);
  }

  // A density in one color, over the plane.
  function shade(mask, color) {
    const tinted = new OffscreenCanvas(mask.width, mask.height);
    const brush = tinted.getContext("2d");
    brush.drawImage(mask, 0, 0);
    brush.globalCompositeOperation = "source-in";
    brush.fillStyle = color;
    brush.fillRect(0, 0, mask.width, mask.height);
    context.drawImage(tinted, 0, 0, 2 * rx * unit, 2 * ry * unit);
  }

  // Bars of a histogram over the exact density, below (axis 0) or to the right (axis 1).
  function bars(axis, counts, density, { color, ink }) {
    const most = 1.5 * Math.max(...density);
    const along = (i, n) => -reach[axis] + (2 * reach[axis] * i) / n;
    const far = (height) => STRIP * Math.min(1, height / most);
    const place = (at, height) => (axis ? [rx + far(height), at] : [at, -ry - far(height)]);
    context.fillStyle = color;
    counts?.forEach((height, i) => {
      const [x0, y0] = pixels(place(-reach[axis] + i * BIN, 0)).map(Math.round);
      const [x1, y1] = pixels(place(-reach[axis] + (i + 1) * BIN, height)).map(Math.round);
      context.fillRect(Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0), Math.abs(y1 - y0));
    });
    stroke(density.map((height, i) => place(along(i, density.length - 1), height)), ink, { width: 1.5 });
  }

  // Empties the plane, and lets `drawing` draw what is clipped to it; the frame comes last.
  function plane(drawing, line) {
    const density = canvas.width / (unit * size[0]);
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.save();
    context.beginPath();
    context.rect(0, 0, 2 * rx * unit, 2 * ry * unit);
    context.clip();
    drawing();
    context.restore();
    stroke([[-rx, -ry], [rx, -ry], [rx, ry], [-rx, ry], [-rx, -ry]], line);
  }

  return {
    plane, shade, stroke, dot, write, bars, pixels, inside,
    unit: () => unit,
    // The point of the plane under a pointer.
    under({ clientX, clientY }) {
      const { left, top } = box.getBoundingClientRect();
      return [(clientX - left) / unit - rx, ry - (clientY - top) / unit];
    },
  };
}
