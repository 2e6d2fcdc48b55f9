// The colors of the page, as pds/web/theme.py names them.

/**
 * A color of the theme at a place of the page: print and a hidden side have colors of their own.
 * @param {Element} node
 * @param {string} name such as "ink"
 */
export function color(node, name) {
  return getComputedStyle(node).getPropertyValue(`--${name}`).trim();
}
