// The tab "Your images": files leave the browser as they are, large ones shrunk.

const pane = element.querySelector(".pds-pane");
const [file, size, enlarge, progress, taken] = ["[type=file]", "[name=size]", "[name=enlarge]", ".pds-progress", ".pds-taken"].map(
  (s) => pane.querySelector(s)
);
const { sizes, most, layouts, bytes } = props.setup;
size.append(...sizes.map((side) => new Option(`${side} px`, side)));
const texture = makeDial(pane.querySelector("[name=texture]"), () => {
  clearTimeout(settling);
  settling = setTimeout(retexture, 250);
});
let settling = 0;
let chosen = [];
let example = false; // whether drawn portraits stand in for the visitor's pictures
let brought = "";
let reusable = ""; // the model of the newest pictures, "" while another is made
let summary = "";

const ONLY_BROWSERS = /\.(hei[cf]s?|jxl)$/i; // some read them, the server does not
const NAME_LENGTH = 100;
const NAME_BYTES = 700; // of a name of this length and what is around it in the request

// A square from the middle, shrunk by halves so that no pixel is skipped, as a PNG.
async function shrink(picture, side) {
  const bitmap = await createImageBitmap(picture, { colorSpaceConversion: "none" });
  let square = Math.min(bitmap.width, bitmap.height);
  const last = Math.min(side, square);
  let [source, left, top] = [bitmap, (bitmap.width - square) / 2, (bitmap.height - square) / 2];
  for (;;) {
    const next = square > 2 * last ? Math.ceil(square / 2) : last;
    const canvas = new OffscreenCanvas(next, next);
    const context = canvas.getContext("2d");
    Object.assign(context, { imageSmoothingEnabled: true, imageSmoothingQuality: "high", fillStyle: "white" });
    context.fillRect(0, 0, next, next);
    context.drawImage(source, left, top, square, square, 0, 0, next, next);
    if (next === last) {
      bitmap.close();
      return canvas.convertToBlob({ type: "image/png" });
    }
    [source, left, top, square] = [canvas, 0, 0, next];
  }
}

// Browsers do not turn a WebP by its EXIF, and the server cannot once it is shrunk.
async function isWebpWithExif(picture) {
  const head = new Uint8Array(await picture.slice(0, 21).arrayBuffer());
  return new TextDecoder("latin1").decode(head.subarray(8, 16)) === "WEBPVP8X" && (head[20] & 8) !== 0;
}

// A picture within its share of the request: the file of at most `room` bytes, or a shrunk PNG of
// `even`; null if neither can be.
async function prepared(picture, side, room, even) {
  if (picture.size <= room && !ONLY_BROWSERS.test(picture.name)) return picture;
  if (await isWebpWithExif(picture)) return null;
  // The server shrinks the rest; a PNG has at most about three bytes a pixel.
  const larger = [4, 2].map((factor) => factor * side).find((s) => 3.1 * s * s + 1000 < even);
  try {
    return await shrink(picture, larger ?? side);
  } catch {
    return picture.size <= room ? picture : null;
  }
}

// The bytes of a request for each of some pictures, and those up to which a file is sent as it is.
function shares(pictures) {
  let left = bytes - NAME_BYTES * pictures.length;
  const even = Math.floor(left / pictures.length);
  const needed = pictures.map(({ name, size }) => (ONLY_BROWSERS.test(name) ? even : size));
  for (const [i, size] of needed.sort((a, b) => a - b).entries()) {
    const share = Math.floor(left / (pictures.length - i));
    if (size > share) return { even, room: share };
    left -= size;
  }
  return { even, room: Infinity };
}

function say(sentence, share) {
  progress.hidden = !sentence;
  progress.lastElementChild.textContent = sentence;
  if (share === undefined) progress.firstElementChild.removeAttribute("value");
  else progress.firstElementChild.value = share;
}

// The files of a request, and sentences about those that are not in it.
async function prepare(side) {
  const [files, large] = [[], []];
  const pictures = chosen.slice(0, most);
  const { even, room } = shares(pictures);
  for (const [i, picture] of pictures.entries()) {
    say(`Preparing picture ${i + 1} of ${pictures.length}`, i / pictures.length);
    const sent = await prepared(picture, side, room, even);
    if (sent) files.push({ name: picture.name.slice(-NAME_LENGTH), content: await asBase64(sent) });
    else large.push(picture.name);
  }
  const words = [];
  if (chosen.length > most) words.push(`The first ${most} of ${chosen.length} were used.`);
  if (large.length) {
    const names = large.slice(0, 5).join(", ") + (large.length > 5 ? " and more" : "");
    words.push(`Too large to send as they are, and this browser cannot shrink them: ${names}.`);
  }
  return { files, words };
}

let latest = 0;
async function bring() {
  if (!chosen.length && !example) return;
  const mine = ++latest;
  clearTimeout(settling);
  reusable = "";
  const { files, words } = example ? { files: [], words: [] } : await prepare(Number(size.value));
  if (mine !== latest) return;
  await ask(mine, { files, example }, words);
}

// The pictures are on the server already, as long as their model is.
async function retexture() {
  if (!reusable) return bring();
  const mine = ++latest;
  if (!(await ask(mine, { model: reusable }, [])) && mine === latest) await bring();
}

// Asks for the model of some pictures, and shows it unless another request came after this one.
async function ask(mine, pictures, words) {
  say("Making their filters and their model");
  const request = { size: Number(size.value), enlarge: enlarge.checked, texture: texture.read(), ...pictures };
  const answer = await answered(server.bring_images(request));
  if (mine !== latest) return false;
  say("");
  if (answer.error && pictures.model) return false;
  if (answer.error) answer.error = [answer.error, ...words].join(" ");
  else {
    brought = reusable = answer.model;
    pane.querySelector(".pds-brought").hidden = false;
    summary = [answer.taken || summary, ...words].join(" ");
    taken.textContent = summary;
  }
  await showAnswer(pane, answer, layouts);
  return true;
}

function take(files) {
  example = !files.length;
  chosen = [...files];
  bring();
}

const INSTEAD = {
  folder: "This is a folder; open it, and drop the pictures in it.",
  address: "This is a picture or link of another page, without its file; save it first, then drop the file.",
  text: "This is no picture file; drop files of pictures.",
};

function drop({ dataTransfer }) {
  const { files, instead } = droppedFiles(dataTransfer);
  if (instead) showAnswer(pane, { error: INSTEAD[instead] }, {});
  else take(files);
}

pane.querySelector(".pds-example").addEventListener("click", () => take([]));
file.addEventListener("change", () => {
  if (file.files.length) take(file.files);
  file.value = "";
});
for (const control of [size, enlarge]) control.addEventListener("input", bring);
pane.dataset.answered = 0;
pane.addEventListener("dragover", (event) => event.preventDefault());
pane.addEventListener("drop", (event) => {
  event.preventDefault();
  drop(event);
});
pane.querySelector(".pds-compare").addEventListener("click", () => {
  document.querySelector("#compare-tab-button").click();
  document.querySelector("#stage .pds").dispatchEvent(new CustomEvent("compare", { detail: { model: brought } }));
});
for (const button of pane.querySelectorAll("[data-save]")) {
  button.addEventListener("click", async () => {
    const answer = await answered(server.filter_file({ model: brought, kind: button.dataset.save }));
    if (answer.error) await showAnswer(pane, answer, {});
    else download(answer.file, answer.content);
  });
}
