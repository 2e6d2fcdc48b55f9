// The geometry of the story's plane: points are [x, y] in its units, y upward. Nothing here draws.

/** @typedef {[number, number]} Point x and y */

export const SPREAD = 2; // standard deviations of all ellipses
export const BIN = 0.1; // width of a histogram's bars

/** @param {number} value @param {number} low @param {number} high */
export function clamped(value, low, high) {
  return Math.max(low, Math.min(high, value));
}

/** @param {Point} one @param {Point} other */
export function distance([a, b], [c, d]) {
  return Math.hypot(a - c, b - d);
}

/** A point to two digits, as it is sent. @param {Point} point @returns {Point} */
export function rounded([x, y]) {
  return [Number(x.toFixed(2)), Number(y.toFixed(2))];
}

/** A point moved by `factor` times a vector. @param {Point} point @param {Point} vector @param {number} factor @returns {Point} */
export function shifted([x, y], [dx, dy], factor = 1) {
  return [x + factor * dx, y + factor * dy];
}

/** A point on the line between two others. @param {Point} from @param {Point} to @param {number} share */
function between(from, to, share) {
  return shifted(from, [to[0] - from[0], to[1] - from[1]], share);
}

/**
 * An ellipse as a closed line: the unit circle times `factor`, through a matrix, around a center.
 * @param {number[]} matrix its rows, one after the other
 * @param {Point} center
 * @param {number} [factor]
 * @returns {Point[]}
 */
export function ellipse(matrix, [x, y], factor = 1) {
  return Array.from({ length: 65 }, (_, i) => {
    const [u, v] = [factor * Math.cos((2 * Math.PI * i) / 64), factor * Math.sin((2 * Math.PI * i) / 64)];
    return [x + matrix[0] * u + matrix[1] * v, y + matrix[2] * u + matrix[3] * v];
  });
}

/** Radius of the noise sqrt(2 e) z of a step e. @param {number} length */
export function noiseRadius(length) {
  return SPREAD * Math.sqrt(2 * length);
}

/** The step whose noise has a radius. @param {number} radius */
export function stepOf(radius) {
  return Math.max(0, radius / SPREAD) ** 2 / 2;
}

/**
 * Half axis of M's ellipse along a direction: M of a power has the density's standard deviations to it.
 * @param {number} std of the density along the direction
 * @param {number} power
 */
export function halfAxis(std, power) {
  return SPREAD * std ** power;
}

/** The power of M whose ellipse has a half axis. @param {number} std @param {number} length */
export function powerOf(std, length) {
  return Math.log(Math.max(0.01, Math.abs(length)) / SPREAD) / Math.log(std);
}

/**
 * Points at even distances along strokes, none nearer than the pen's width.
 * @param {Point[][]} strokes
 * @param {number} most number of points
 * @param {number} width of the pen
 */
export function resampled(strokes, most, width) {
  const lengths = strokes.flatMap((points) => points.slice(1).map((point, i) => distance(point, points[i])));
  const total = lengths.reduce((sum, part) => sum + part, 0);
  const gap = Math.max(width, total / Math.max(1, most - strokes.length));
  const even = strokes.flatMap((points) => spaced(points, gap));
  const count = Math.min(most, even.length);
  return Array.from({ length: count }, (_, i) => rounded(even[Math.floor((i * even.length) / count)]));
}

/** The first point of a stroke, and one after each gap. @param {Point[]} points @param {number} gap */
function spaced(points, gap) {
  const even = [points[0]];
  let left = gap;
  for (let i = 1; i < points.length; i++) {
    const length = distance(points[i], points[i - 1]);
    for (; left <= length; left += gap) even.push(between(points[i - 1], points[i], left / length));
    left -= length;
  }
  return even;
}

/**
 * Walks from 16-bit numbers in base64.
 * @param {string} text
 * @param {{ scale: number, num_steps: number }} format
 * @returns {{ count: number, at: (t: number, i: number) => Point }} the number of walks, and the place of
 *   walk i after t steps
 */
export function unpacked(text, { scale, num_steps }) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const numbers = new DataView(bytes.buffer);
  const count = bytes.length / 4 / (num_steps + 1);
  const value = (/** @type {number} */ k) => numbers.getInt16(2 * k, true) / scale;
  return { count, at: (t, i) => [value(2 * (t * count + i)), value(2 * (t * count + i) + 1)] };
}

/**
 * Densities along one axis for each step t: all walks up to t in bins of width `BIN`.
 * @param {ReturnType<typeof unpacked>} walks
 * @param {number} num_steps
 * @param {number} axis
 * @param {number} reach of the plane on both sides of 0
 */
export function histograms(walks, num_steps, axis, reach) {
  const counts = new Float64Array(Math.round((2 * reach) / BIN));
  return Array.from({ length: num_steps + 1 }, (_, t) => {
    for (let i = 0; i < walks.count; i++) counts[Math.floor((walks.at(t, i)[axis] + reach) / BIN)]++;
    return counts.map((count) => count / ((t + 1) * walks.count * BIN));
  });
}
