// What people take with them: texts to copy, files of the run on screen, and settings back from a picture.

import { copyText } from "../../static/clipboard.js";
import { droppedFiles } from "../../static/drops.js";
import { answered, download } from "../../static/server.js";
import { latin1, pngText } from "./png.js";

const READ_BY_EYE = "It is selected above: copy it from there.";

const LARGEST = 200e6; // bytes of a picture that is read
const INSTEAD = {
  folder: "A folder was dropped; open it and drop a PNG from it.",
  address: "No file came with that, only an address, as with a picture of another page: save it first, then drop the file.",
  text: "Text was dropped; expected a PNG file as this page or main.py saved it.",
};

// First bytes of files that are mistaken for the picture.
const KINDS = { "\xff\xd8\xff": "a JPEG", RIFF: "a WebP", GIF8: "a GIF", "PK\x03\x04": "an archive" };

// The text in one of our PNGs, or what the file is instead: { record, kind }. Only the text leaves the browser.
async function recordOf(file) {
  try {
    const start = latin1(new Uint8Array(await file.slice(0, 8).arrayBuffer()));
    const known = Object.keys(KINDS).find((first) => start.startsWith(first));
    if (known) return { kind: KINDS[known] };
    if (!start.startsWith("\x89PNG")) return { kind: start ? "no picture of that kind" : "empty" };
    if (file.size > LARGEST) return { kind: "too large" };
    const record = await pngText(new Uint8Array(await file.arrayBuffer()), "pds");
    if (record === null) return { kind: "a PNG that is damaged or ends too early, such as an interrupted download" };
    return { record, kind: "a PNG without a record, such as a screenshot or a copy that another program saved" };
  } catch {
    return { kind: "not readable, or no longer where it was" };
  }
}

export function makeKeep(root, server, { read, run, restore, complain, link }) {
  const keep = root.querySelector(".pds-keep");
  const menus = [...keep.querySelectorAll("details")];
  const box = keep.querySelector("textarea");
  const file = keep.querySelector("input[type=file]");
  const say = (menu, sentence) => (menu.querySelector("[role=status]").textContent = sentence);

  async function copy(menu, kind) {
    say(menu, "");
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
      say(menu, isCopied ? "Copied." : READ_BY_EYE);
    } catch ({ message }) {
      box.hidden = true;
      say(menu, message);
    }
  }

  async function save(menu, kind) {
    say(menu, "Making the file…");
    const answer = await answered(server.run_file({ ...run(), kind }));
    say(menu, answer.error ?? `Saved as ${answer.file}.`);
    if (!answer.error) download(answer.file, answer.content);
  }

  async function open(picture, name = picture.name) {
    const { record, kind } = await recordOf(picture);
    if (!record) return complain(`${name} does not say how it was made: it is ${kind}; expected a PNG as this page or main.py saved it.`);
    const answer = await answered(server.open_settings({ record }));
    if (answer.error) return complain(answer.error);
    restore(answer.request, `The settings of ${name} are back. Press Sample to draw it again.`);
  }

  function close(except) {
    for (const menu of menus) if (menu !== except) menu.open = false;
  }

  for (const menu of menus) {
    menu.addEventListener("toggle", () => menu.open && close(menu));
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !menu.open) return;
      menu.open = false;
      menu.querySelector("summary").focus();
    });
    for (const button of menu.querySelectorAll("[data-copy]")) {
      button.addEventListener("click", () => copy(menu, button.dataset.copy));
    }
    for (const button of menu.querySelectorAll("[data-save]")) {
      button.addEventListener("click", () => save(menu, button.dataset.save));
    }
  }
  document.addEventListener("click", ({ target }) => keep.contains(target) || close());
  file.addEventListener("change", () => {
    const [picture] = file.files;
    close();
    if (picture) open(picture);
    file.value = "";
  });

  // Anywhere on the page while the comparison is in view. What is dragged within the page, and text
  // into a box, is left to the browser.
  let own = false;
  document.addEventListener("dragstart", () => (own = true));
  document.addEventListener("dragend", () => (own = false));
  function dropped({ dataTransfer, target }) {
    if (!root.offsetParent || !dataTransfer?.types.length) return false;
    return dataTransfer.types.includes("Files") || !(own || target.closest?.("input, textarea"));
  }
  document.addEventListener("dragover", (event) => {
    if (!dropped(event)) return;
    event.preventDefault();
    root.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget || root.classList.remove("dropping"));
  document.addEventListener("drop", (event) => {
    root.classList.remove("dropping");
    if (!dropped(event)) return;
    event.preventDefault();
    const { files: [picture], instead } = droppedFiles(event.dataTransfer);
    const count = event.dataTransfer.files.length;
    if (instead) complain(INSTEAD[instead]);
    else open(picture, count > 1 ? `${picture.name}, the first of ${count} files,` : picture.name);
  });
}
