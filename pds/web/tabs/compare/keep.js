// What people take with them: texts to copy, files of the run on screen, and settings back from a picture.

import { copyText } from "../../static/clipboard.js";
import { closest, find, findAll } from "../../static/dom.js";
import { droppedFiles } from "../../static/drops.js";
import { answered, saveAnswer } from "../../static/server.js";
import { latin1, pngText } from "./png.js";

/**
 * @import { ServerFunction } from "../../static/server.js"
 * @import { FormRequest } from "./controls.js"
 * @import { Request } from "./names.js"
 */

const SELECTED = "It is selected above: copy it from there.";

const LARGEST = 200e6; // bytes of a picture that is read
const INSTEAD = {
  folder: "A folder was dropped; open it and drop a PNG from it.",
  address: "No file came with that, only an address, as with an image of another page: save it first, then drop the file.",
  text: "Text was dropped; expected a PNG file as this page or main.py saved it.",
};

/** First bytes of files that are mistaken for the picture. @type {Record<string, string>} */
const KINDS = { "\xff\xd8\xff": "a JPEG", RIFF: "a WebP", GIF8: "a GIF", "PK\x03\x04": "an archive" };

/**
 * The text in one of our PNGs, or what the file is instead. Only the text leaves the browser.
 * @param {File} file
 * @returns {Promise<{ record?: string, kind: string }>}
 */
async function recordOf(file) {
  try {
    const start = latin1(new Uint8Array(await file.slice(0, 8).arrayBuffer()));
    const known = Object.keys(KINDS).find((first) => start.startsWith(first));
    if (known) return { kind: KINDS[known] };
    if (!start.startsWith("\x89PNG")) return { kind: start ? "not a PNG" : "empty" };
    if (file.size > LARGEST) return { kind: "too large" };
    const record = await pngText(new Uint8Array(await file.arrayBuffer()), "pds");
    if (record === null) return { kind: "a PNG that is damaged or ends too early, such as an interrupted download" };
    return { record, kind: "a PNG without a record, such as a screenshot or a copy that another program saved" };
  } catch {
    return { kind: "not readable, or no longer where it was" };
  }
}

/**
 * The menus Share and Download, of which one is open at a time.
 * @param {HTMLElement} keep
 * @returns {() => void} closes them
 */
function makeMenus(keep) {
  const menus = findAll(keep, "details", HTMLDetailsElement);
  function close(/** @type {HTMLDetailsElement | null} */ except = null) {
    for (const menu of menus) if (menu !== except) menu.open = false;
  }
  for (const menu of menus) {
    menu.addEventListener("toggle", () => menu.open && close(menu));
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !menu.open) return;
      menu.open = false;
      find(menu, "summary").focus();
    });
  }
  document.addEventListener("click", ({ target }) => {
    if (!(target instanceof Node && keep.contains(target))) close();
  });
  return close;
}

/** The line of the menu around a button. @param {HTMLElement} button */
function statusOf(button) {
  return find(/** @type {HTMLElement} */ (button.closest("details")), "[role=status]");
}

/**
 * Pictures that are dropped anywhere on the page while the comparison is in view. What is dragged within
 * the page, and text into a box, is left to the browser.
 * @param {HTMLElement} root
 * @param {(transfer: DataTransfer) => void} onDrop
 */
function acceptDrops(root, onDrop) {
  let own = false; // whether something of the page is dragged
  document.addEventListener("dragstart", () => (own = true));
  document.addEventListener("dragend", () => (own = false));

  function accepted(/** @type {DragEvent} */ { dataTransfer, target }) {
    if (!root.offsetParent || !dataTransfer?.types.length) return null;
    const isForUs = dataTransfer.types.includes("Files") || !(own || closest(target, "input, textarea"));
    return isForUs ? dataTransfer : null;
  }

  document.addEventListener("dragover", (event) => {
    if (!accepted(event)) return;
    event.preventDefault();
    root.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) root.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    root.classList.remove("dropping");
    const transfer = accepted(event);
    if (!transfer) return;
    event.preventDefault();
    onDrop(transfer);
  });
}

/**
 * @param {HTMLElement} root
 * @param {Record<string, ServerFunction>} server
 * @param {object} page
 * @param {() => FormRequest} page.read the settings
 * @param {() => object} page.run the run on screen, as `Player.kept` returns it
 * @param {(request: Request, sentence: string) => void} page.restore writes settings, and says so
 * @param {(sentence: string) => void} page.complain
 * @param {(query: string) => string} page.link makes a link of a query
 */
export function makeKeep(root, server, { read, run, restore, complain, link }) {
  const keep = find(root, ".pds-keep");
  const box = find(keep, "textarea", HTMLTextAreaElement);
  const file = find(keep, "input[type=file]", HTMLInputElement);
  const close = makeMenus(keep);

  async function copy(/** @type {HTMLElement} */ status, /** @type {string} */ kind) {
    status.textContent = "";
    const answer = answered(server.request_texts(read()));
    const text = answer.then((texts) => {
      if (texts.error) throw new Error(texts.error);
      return kind === "link" ? link(texts.link) : texts[kind];
    });
    const copied = copyText(text);
    try {
      box.value = await text;
      box.rows = Math.min(8, box.value.split("\n").length + 1);
      box.hidden = false;
      const isCopied = await copied;
      if (!isCopied) box.focus();
      box.select();
      status.textContent = isCopied ? "Copied." : SELECTED;
    } catch (error) {
      box.hidden = true;
      status.textContent = /** @type {Error} */ (error).message;
    }
  }

  async function save(/** @type {HTMLElement} */ status, /** @type {string} */ kind) {
    status.textContent = "Making the file…";
    const answer = await saveAnswer(server.run_file({ ...run(), kind }));
    status.textContent = answer.error ?? `Saved as ${answer.file}.`;
  }

  async function open(/** @type {File} */ picture, name = picture.name) {
    const { record, kind } = await recordOf(picture);
    if (!record) return complain(`${name} does not say how it was made: it is ${kind}; expected a PNG as this page or main.py saved it.`);
    const answer = await answered(server.open_settings({ record }));
    if (answer.error) return complain(answer.error);
    restore(answer.request, `The settings of ${name} are back. Press Sample to repeat the run.`);
  }

  for (const button of findAll(keep, "[data-copy], [data-save]")) {
    const { copy: text, save: kind } = button.dataset;
    button.addEventListener("click", () => (text ? copy(statusOf(button), text) : save(statusOf(button), kind ?? "")));
  }
  file.addEventListener("change", () => {
    const picture = file.files?.[0];
    close();
    if (picture) open(picture);
    file.value = "";
  });
  acceptDrops(root, (transfer) => {
    const { files: [picture], instead } = droppedFiles(transfer);
    const count = transfer.files.length;
    if (instead) complain(INSTEAD[instead]);
    else open(picture, count > 1 ? `${picture.name}, the first of ${count} files,` : picture.name);
  });
}
