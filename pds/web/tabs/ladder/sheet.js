// The pictures of a sheet: a row for each sampler, a column for each number of iterations.

import { find, findAll } from "../../static/dom.js";
import { columnHeaders, grainText, rowHeader } from "./numbers.js";

/** @typedef {import("./numbers.js").Column} Column */
/** @typedef {import("./numbers.js").Shown} Shown */

const CELL = 128; // a picture's width on the page, unless it has more pixels
const COVERED = 0.1; // share of a picture's values out of range by which noise hides it
const HUES = new Map(Object.entries({ vanilla: "vanilla", pds: "ours", tuned: "tuned", response: "response" }));

/**
 * The width of a picture on the page: a whole number of the screen's pixels for each of its own.
 * @param {number} pixels of the picture
 * @param {number} density of the screen
 */
export function pictureWidth(pixels, density) {
  return (pixels * Math.max(1, Math.floor((CELL * density) / pixels))) / density;
}

/**
 * The fewest iterations after which a picture is left in every row, or undefined.
 * @param {Pick<Column, "num_steps" | "outside">[]} columns from many iterations to few
 */
export function fewestUncovered(columns) {
  return columns.findLast(({ outside }) => outside.every((share) => share !== null && share <= COVERED))?.num_steps;
}

/**
 * Makes the table of a pane, and buttons to its ends where it is wider than the window.
 * @param {HTMLElement} pane
 * @param {(request: object) => void} open called with the comparison of a picture that is chosen
 */
export function makeSheet(pane, open) {
  const [scroller, ends] = [find(pane, ".pds-rungs"), find(pane, ".pds-ends")];
  const table = find(pane, "table", HTMLTableElement);

  // Until the first picture the keyboard scrolls the table itself, then from picture to picture.
  function begin(/** @type {Shown} */ { sheet, titles }) {
    table.replaceChildren();
    table.style.setProperty("--columns", String(sheet.num_steps.length));
    table.style.setProperty("--images", String(sheet.num_images));
    columnHeaders(table.createTHead().insertRow(), sheet.num_steps);
    const body = table.createTBody();
    sheet.samplers.forEach((name, i) => {
      const row = body.insertRow();
      row.className = HUES.get(name.split(":")[0]) ?? "";
      row.append(rowHeader(titles[i], name));
      for (const n of sheet.num_steps) row.insertCell().dataset.count = String(n);
    });
    scroller.tabIndex = 0;
    showEnds();
  }

  function cells(/** @type {number} */ n) {
    return findAll(table, `td[data-count="${n}"]`);
  }

  function size(/** @type {HTMLImageElement} */ image) {
    const width = pictureWidth(image.naturalWidth, devicePixelRatio);
    image.style.width = `${width}px`;
    table.style.setProperty("--cell", `${Math.max(width, CELL)}px`);
  }

  function cellButton(/** @type {Shown} */ shown, /** @type {Column} */ column, /** @type {number} */ row) {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    const image = Object.assign(document.createElement("img"), { alt: "" });
    const grain = grainText(shown, column, row);
    const reference = grain.endsWith("×") ? " the network's own" : "";
    image.src = "data:image/png;base64," + column.pictures[row];
    image.addEventListener("load", () => size(image));
    button.setAttribute(
      "aria-label",
      `${shown.titles[row]} after ${column.num_steps} iterations, grain ${grain}${reference}. Open this comparison.`
    );
    button.append(image, Object.assign(document.createElement("span"), { textContent: grain }));
    button.addEventListener("click", () => open(column.requests[row]));
    return button;
  }

  function place(/** @type {Shown} */ shown, /** @type {Column} */ column) {
    scroller.tabIndex = -1;
    cells(column.num_steps).forEach((cell, row) => cell.replaceChildren(cellButton(shown, column, row)));
  }

  function showEnds() {
    const most = scroller.scrollWidth - scroller.clientWidth;
    ends.hidden = most < 2;
    for (const button of buttons) {
      button.disabled = isLast(button) ? scroller.scrollLeft > most - 2 : scroller.scrollLeft < 2;
    }
  }

  // Scrolls so that the pictures of the fewest iterations that show something stand at the right.
  function scrollToFewest(/** @type {Column[]} */ columns) {
    const n = fewestUncovered(columns);
    const cell = n === undefined ? table : cells(n)[0];
    scroller.scrollLeft = cell.offsetLeft + cell.offsetWidth - scroller.clientWidth;
  }

  const isLast = (/** @type {HTMLElement} */ button) => Number(button.dataset.end) === 1;
  const buttons = findAll(ends, "button", HTMLButtonElement);
  for (const button of buttons) {
    button.addEventListener("click", () =>
      scroller.scrollTo({ left: isLast(button) ? scroller.scrollWidth : 0, behavior: "smooth" })
    );
  }
  scroller.addEventListener("scroll", showEnds);
  new ResizeObserver(showEnds).observe(scroller);
  return { begin, place, scrollToFewest };
}
