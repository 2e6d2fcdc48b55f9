// The numbers of a sheet: what each cell says, their table, and its files.

import { copyText } from "../../static/clipboard.js";
import { find, findAll } from "../../static/dom.js";
import { relative, share } from "../../static/format.js";
import { answered, saveAnswer } from "../../static/server.js";

/**
 * The pictures of one number of iterations, with the numbers of each row; null stands for a number that
 * is out of range.
 * @typedef {object} Column
 * @property {number} num_steps
 * @property {Record<"network" | "pixels", (number | null)[]>} grain relative to the network's own, and in pixel units
 * @property {Record<"network" | "pixels", (number | null)[]>} contrast likewise
 * @property {(number | null)[]} outside share of a picture's values that are not in [0, 1]
 * @property {number[]} calls of the network for an image
 * @property {string[]} pictures PNG files in base64
 * @property {object[]} requests of the comparisons to open
 */

/**
 * A sheet as it is shown.
 * @typedef {object} Shown
 * @property {{ samplers: string[], num_steps: number[], num_images: number, model: string }} sheet
 * @property {string[]} titles of the rows
 * @property {string} own what grain and contrast are relative to, "" for pixel units
 * @property {number} lost share of values out of range above which a picture is lost
 * @property {Column[]} columns
 */

/**
 * @param {Pick<Shown, "lost">} shown
 * @param {Pick<Column, "outside">} column
 * @param {number} row
 */
function isLost({ lost }, { outside }, row) {
  const value = outside[row];
  return value === null || value > lost;
}

/**
 * The grain of a cell as text.
 * @param {Pick<Shown, "own" | "lost">} shown
 * @param {Pick<Column, "outside" | "grain">} column
 * @param {number} row
 */
export function grainText(shown, column, row) {
  if (isLost(shown, column, row)) return "diverged";
  return shown.own ? relative(column.grain.network[row]) : share(column.grain.pixels[row]);
}

/**
 * The contrast of a cell as text.
 * @param {Pick<Shown, "lost">} shown
 * @param {Pick<Column, "outside" | "contrast">} column
 * @param {number} row
 */
export function contrastText(shown, column, row) {
  const value = column.contrast.network[row];
  return value === null || isLost(shown, column, row) ? "–" : relative(value);
}

/** @type {Record<string, (shown: Shown, column: Column, row: number) => string>} */
const MEASURES = {
  Grain: grainText,
  Contrast: contrastText,
  "Network calls": (_, { calls }, row) => calls[row].toLocaleString("en-US"),
};

/**
 * The header of a row: its title, and its name below where that says more.
 * @param {string} title
 * @param {string} name
 */
export function rowHeader(title, name) {
  const header = document.createElement("th");
  header.scope = "row";
  header.textContent = title;
  if (name.toLowerCase() !== title.toLowerCase() && !title.includes(`(${name})`)) {
    header.append(" ", Object.assign(document.createElement("small"), { textContent: name }));
  }
  return header;
}

/**
 * Fills the row of headers above columns.
 * @param {HTMLTableRowElement} row
 * @param {number[]} counts
 */
export function columnHeaders(row, counts) {
  row.insertCell().textContent = "N";
  for (const n of counts) {
    row.append(Object.assign(document.createElement("th"), { scope: "col", textContent: n.toLocaleString("en-US") }));
  }
}

/**
 * Replaces a table by the numbers of a sheet.
 * @param {HTMLTableElement} table
 * @param {Shown} shown
 */
function fill(table, shown) {
  const { sheet, titles, columns } = shown;
  table.replaceChildren();
  columnHeaders(table.createTHead().insertRow(), columns.map(({ num_steps }) => num_steps));
  for (const [measure, text] of Object.entries(MEASURES)) {
    const body = table.createTBody();
    const group = Object.assign(document.createElement("th"), { scope: "rowgroup", textContent: measure });
    group.colSpan = columns.length + 1;
    body.insertRow().append(group);
    sheet.samplers.forEach((name, row) => {
      const line = body.insertRow();
      line.append(rowHeader(titles[row], name));
      for (const column of columns) line.insertCell().textContent = text(shown, column, row);
    });
  }
}

/**
 * A table as text, with tabs between cells.
 * @param {HTMLTableElement} table
 */
function tableText(table) {
  return [...table.rows].map((row) => [...row.cells].map((cell) => cell.textContent).join("\t")).join("\n");
}

/**
 * The section below a sheet: a table of its numbers, and buttons for its files. Returns a function that
 * shows the columns of a sheet that are drawn.
 * @param {HTMLElement} section
 * @param {{ sheet_file: (values: object) => Promise<any> }} server
 * @param {{ characters: number }} limits
 * @returns {(shown: Shown) => void}
 */
export function makeNumbers(section, server, { characters }) {
  const table = find(section, "table", HTMLTableElement);
  const [note, status] = [find(section, ".pds-note"), find(section, "[role=status]")];
  /** @type {Shown} */
  let shown;

  function file(/** @type {string} */ kind) {
    const isPicture = kind === "png";
    const columns = shown.columns.map(({ pictures, ...numbers }) => (isPicture ? { ...numbers, pictures } : numbers));
    const length = isPicture ? shown.columns.reduce((sum, { pictures }) => sum + pictures.join("").length, 0) : 0;
    if (length > characters) return { error: "This sheet is too large to be sent back for one PNG; its command makes it." };
    return answered(server.sheet_file({ ...shown.sheet, kind, columns }));
  }

  async function save(/** @type {string} */ kind) {
    status.textContent = "Making the file…";
    const answer = await saveAnswer(file(kind));
    status.textContent = answer.error ?? `Saved as ${answer.file}.`;
  }

  async function command() {
    const answer = await file("sh");
    if (answer.error) throw new Error(answer.error);
    return atob(answer.content);
  }

  async function copy(/** @type {string} */ what) {
    const text = what === "table" ? Promise.resolve(tableText(table)) : command();
    const copied = copyText(text);
    try {
      const content = await text;
      const name = what === "table" ? "the table" : content;
      status.textContent = (await copied) ? `Copied ${name}` : `Select it and copy it: ${name}`;
    } catch (error) {
      status.textContent = /** @type {Error} */ (error).message;
    }
  }

  for (const button of findAll(section, "[data-file], [data-copy]")) {
    const { file: kind, copy: what } = button.dataset;
    button.addEventListener("click", () => (kind ? save(kind) : copy(what ?? "")));
  }

  return (next) => {
    shown = next;
    section.hidden = !next.columns.length;
    status.textContent = "";
    const scale = next.own
      ? `Grain and contrast relative to ${next.own}: 1 is like them.`
      : "Grain as a share of the range from black to white.";
    note.textContent = `${scale} Network calls are for each image.`;
    if (next.columns.length) fill(table, next);
  };
}
