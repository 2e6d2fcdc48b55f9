// Elements of the page, with the class that its markup gives them.

/**
 * The first element of a selector within a root.
 * @template {Element} [T=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} [kind] class of the element, if more than HTMLElement is needed
 * @returns {T}
 */
export function find(root, selector, kind) {
  return checked(root.querySelector(selector), selector, kind);
}

/**
 * All elements of a selector within a root.
 * @template {Element} [T=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} [kind] class of the elements
 * @returns {T[]}
 */
export function findAll(root, selector, kind) {
  return [...root.querySelectorAll(selector)].map((node) => checked(node, selector, kind));
}

/**
 * The nearest element of a selector around the target of an event, or the target itself.
 * @param {EventTarget | null} target
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export function closest(target, selector) {
  return target instanceof Element ? target.closest(selector) : null;
}

/**
 * @template {Element} T
 * @param {Element | null} node
 * @param {string} selector
 * @param {new () => T} [kind]
 */
function checked(node, selector, kind = /** @type {new () => any} */ (HTMLElement)) {
  if (node instanceof kind) return node;
  throw new TypeError(`${selector} must be an ${kind.name}, got ${node?.nodeName ?? "nothing"}`);
}
