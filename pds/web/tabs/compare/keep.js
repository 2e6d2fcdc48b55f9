// What people take with them: texts to copy, files of the run on screen, and settings back from a picture.

const READ_BY_EYE = "It is selected above: copy it from there.";

// The text in one of our PNGs, "" in others, null in what is no PNG. Only it leaves the browser.
async function recordOf(file) {
  const view = new DataView(await file.arrayBuffer());
  const text = (at, length) => new TextDecoder("latin1").decode(new Uint8Array(view.buffer, at, length));
  if (view.byteLength < 12 || text(1, 3) !== "PNG") return null;
  for (let at = 8; at + 12 <= view.byteLength; at += 12 + view.getUint32(at)) {
    const length = view.getUint32(at);
    if (text(at + 4, 4) !== "tEXt" || at + 8 + length > view.byteLength) continue;
    const [key, ...words] = text(at + 8, length).split("\0");
    if (key === "pds") return words.join("\0");
  }
  return "";
}

function makeKeep(root, { read, run, restore, complain }) {
  const keep = root.querySelector(".pds-keep");
  const menus = [...keep.querySelectorAll("details")];
  const box = keep.querySelector("textarea");
  const file = keep.querySelector("input[type=file]");
  const say = (menu, sentence) => (menu.querySelector("[role=status]").textContent = sentence);

  // Safari copies only what was promised at the moment of the click.
  async function write(promise) {
    const blob = promise.then((text) => new Blob([text], { type: "text/plain" }));
    try {
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
      return "Copied.";
    } catch {
      blob.catch(() => {});
      return READ_BY_EYE;
    }
  }

  async function copy(menu, kind) {
    say(menu, "");
    const answer = answered(server.request_texts(read()));
    const text = answer.then((texts) => {
      if (texts.error) throw new Error(texts.error);
      return kind === "link" ? `${location.origin}${location.pathname}?${texts.link}&tab=compare` : texts[kind];
    });
    const told = write(text);
    try {
      box.value = await text;
      box.rows = Math.min(8, box.value.split("\n").length + 1);
      box.hidden = false;
      const sentence = await told;
      if (sentence === READ_BY_EYE) box.focus();
      box.select();
      say(menu, sentence);
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

  async function open(picture) {
    const record = await recordOf(picture);
    if (!record) return complain(`${picture.name} does not say how it was made; expected a PNG of this page or of main.py.`);
    const answer = await answered(server.open_settings({ record }));
    if (answer.error) return complain(answer.error);
    restore(answer.request, `The settings of ${picture.name} are back. Press Sample to draw it again.`);
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

  // Anywhere on the page while the comparison is in view.
  const dropped = (event) => root.offsetParent && event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!dropped(event)) return;
    event.preventDefault();
    root.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget || root.classList.remove("dropping"));
  document.addEventListener("drop", (event) => {
    if (!dropped(event)) return;
    event.preventDefault();
    root.classList.remove("dropping");
    const [picture] = event.dataTransfer.files;
    if (picture) open(picture);
  });
}
