// Numbers as a reader writes them.

const SUPERSCRIPT = "⁰¹²³⁴⁵⁶⁷⁸⁹";

export function power(exponent) {
  const digits = String(Math.abs(exponent)).replace(/\d/g, (d) => SUPERSCRIPT[d]);
  return "10" + (exponent < 0 ? "⁻" : "") + digits;
}

export function short(value) {
  if (value >= 99.5) return Math.round(value).toLocaleString("en-US");
  if (value >= 9.95) return value.toFixed(0);
  return value >= 0.995 ? value.toFixed(1) : value.toPrecision(2);
}

export function times(left) {
  if (left === null) return "out of range";
  if (left < 10000) return short(left) + "×";
  const exponent = Math.floor(Math.log10(left));
  return (left / 10 ** exponent).toFixed(1) + " · " + power(exponent) + "×";
}

// Grain or contrast relative to a reference: 1 is like it.
export function relative(value) {
  if (value === null) return "out of range";
  return value >= 99.5 ? ">100×" : short(value) + "×";
}

// A factor within a sentence.
export function factor(value) {
  return value < 9.995 ? value.toFixed(2) : value.toFixed(0);
}

// A part of the range from black to white.
export function share(value) {
  if (value === null) return "out of range";
  return value >= 1 ? times(value) : (100 * value).toPrecision(2) + "%";
}

export function noise(sigma) {
  if (sigma === null) return "out of range";
  return sigma >= 10 ? short(sigma) : sigma.toFixed(sigma >= 1 ? 1 : 3);
}

export function duration(seconds) {
  if (seconds >= 1) return seconds.toFixed(1) + " s";
  return seconds >= 0.01 ? (1000 * seconds).toFixed(0) + " ms" : (1000 * seconds).toFixed(1) + " ms";
}

export function about(seconds) {
  if (seconds >= 90) return `about ${Math.round(seconds / 60)} min`;
  return `about ${Math.max(1, Math.round(seconds))} s`;
}

export function remaining(seconds) {
  return seconds === null ? "" : `${about(seconds)} left`;
}

export function capital(words) {
  return words[0].toUpperCase() + words.slice(1);
}
