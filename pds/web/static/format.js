// Numbers as a reader writes them.

const SUPERSCRIPT = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** A power of ten. @param {number} exponent */
export function power(exponent) {
  const digits = String(Math.abs(exponent)).replace(/\d/g, (d) => SUPERSCRIPT[Number(d)]);
  return "10" + (exponent < 0 ? "⁻" : "") + digits;
}

/** Two significant digits below 100, and whole numbers above. @param {number} value */
export function short(value) {
  if (value >= 99.5) return Math.round(value).toLocaleString("en-US");
  if (value >= 9.95) return value.toFixed(0);
  return value >= 0.995 ? value.toFixed(1) : value.toPrecision(2);
}

/** A factor. @param {number | null} value */
export function times(value) {
  if (value === null) return "out of range";
  if (value < 10000) return short(value) + "×";
  const exponent = Math.floor(Math.log10(value));
  return (value / 10 ** exponent).toFixed(1) + " · " + power(exponent) + "×";
}

/** Grain or contrast relative to a reference: 1 is like it. @param {number | null} value */
export function relative(value) {
  if (value === null) return "out of range";
  return value >= 99.5 ? ">100×" : short(value) + "×";
}

/** A factor within a sentence. @param {number} value */
export function factor(value) {
  return value < 9.995 ? value.toFixed(2) : value.toFixed(0);
}

/** A part of the range from black to white. @param {number | null} value */
export function share(value) {
  if (value === null) return "out of range";
  return value >= 1 ? times(value) : (100 * value).toPrecision(2) + "%";
}

/** A standard deviation of noise. @param {number | null} sigma */
export function noise(sigma) {
  if (sigma === null) return "out of range";
  return sigma >= 10 ? short(sigma) : sigma.toFixed(sigma >= 1 ? 1 : 3);
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds >= 1) return seconds.toFixed(1) + " s";
  return seconds >= 0.01 ? (1000 * seconds).toFixed(0) + " ms" : (1000 * seconds).toFixed(1) + " ms";
}

/** @param {number} seconds */
export function about(seconds) {
  if (seconds >= 90) return `about ${Math.round(seconds / 60)} min`;
  return `about ${Math.max(1, Math.round(seconds))} s`;
}

/** @param {number | null} seconds */
export function remaining(seconds) {
  return seconds === null ? "" : `${about(seconds)} left`;
}

/** @param {string} text */
export function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}
