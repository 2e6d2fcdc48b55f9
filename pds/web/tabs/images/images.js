// The tab "Your images": pictures are cropped and shrunk here, and only then leave the browser.

const pane = element.querySelector(".pds-pane");
const [file, size, progress, taken] = ["input[type=file]", "[name=size]", ".pds-progress", ".pds-taken"].map(
  (s) => pane.querySelector(s)
);
const { sizes, fewest, most, examples, layouts } = props.setup;
size.append(...sizes.map((side) => new Option(`${side} px`, side)));
const texture = makeDial(pane.querySelector("[name=texture]"), () => {
  clearTimeout(settling);
  settling = setTimeout(bring, 250);
});
let settling = 0;
let chosen = [];
let example = false; // whether drawn portraits stand in for the visitor's pictures
let brought = "";

// A square from the middle, shrunk by halves so that no pixel is skipped.
async function shrink(picture, side) {
  const bitmap = await createImageBitmap(picture);
  let square = Math.min(bitmap.width, bitmap.height);
  let [source, left, top] = [bitmap, (bitmap.width - square) / 2, (bitmap.height - square) / 2];
  while (square > 0) {
    const next = square > 2 * side ? Math.ceil(square / 2) : side;
    const canvas = new OffscreenCanvas(next, next);
    const context = canvas.getContext("2d", { willReadFrequently: next === side });
    Object.assign(context, { imageSmoothingEnabled: true, imageSmoothingQuality: "high", fillStyle: "white" });
    context.fillRect(0, 0, next, next);
    context.drawImage(source, left, top, square, square, 0, 0, next, next);
    if (next === side) {
      const { data } = context.getImageData(0, 0, side, side);
      bitmap.close();
      return data.filter((_, i) => i % 4 < 3);
    }
    [source, left, top, square] = [canvas, 0, 0, next];
  }
}

function say(sentence, share) {
  progress.hidden = !sentence;
  progress.lastElementChild.textContent = sentence;
  if (share === undefined) progress.firstElementChild.removeAttribute("value");
  else progress.firstElementChild.value = share;
}

async function prepare(side) {
  const [pixels, refused] = [[], []];
  for (const [i, picture] of chosen.slice(0, most).entries()) {
    say(`Shrinking picture ${i + 1} of ${Math.min(chosen.length, most)}`, i / chosen.length);
    try {
      pixels.push(await shrink(picture, side));
    } catch {
      refused.push(picture.name);
    }
  }
  return { pixels, refused };
}

function tellTaken(count, refused) {
  const words = [`${count} pictures taken.`];
  if (chosen.length > most) words.push(`The first ${most} of ${chosen.length} were used.`);
  if (refused.length) words.push(`Not readable as pictures: ${refused.slice(0, 5).join(", ")}${refused.length > 5 ? " and more" : ""}.`);
  taken.textContent = words.join(" ");
}

let latest = 0;
async function bring() {
  if (!chosen.length && !example) return;
  const mine = ++latest;
  const request = { size: Number(size.value), texture: texture.read(), example };
  const { pixels, refused } = example ? { pixels: [], refused: [] } : await prepare(request.size);
  if (mine !== latest) return;
  say("Making their filters and their model");
  const tooFew = !example && pixels.length < fewest;
  const answer = tooFew
    ? { error: `${fewest} or more pictures are needed; ${pixels.length} of these could be read.` }
    : await answered(server.bring_images({ ...request, pixels: await asBase64(new Blob(pixels)) }));
  if (mine !== latest) return;
  say("");
  if (!answer.error) {
    brought = answer.model;
    pane.querySelector(".pds-brought").hidden = false;
    tellTaken(example ? examples : pixels.length, refused);
  }
  await showAnswer(pane, answer, layouts);
}

function take(files) {
  example = !files.length;
  chosen = [...files];
  bring();
}

pane.querySelector(".pds-example").addEventListener("click", () => take([]));
file.addEventListener("change", () => {
  if (file.files.length) take(file.files);
  file.value = "";
});
size.addEventListener("input", bring);
pane.dataset.answered = 0;
pane.addEventListener("dragover", (event) => event.preventDefault());
pane.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length) take(event.dataTransfer.files);
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
