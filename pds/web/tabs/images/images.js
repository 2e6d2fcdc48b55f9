// The tab "Your images": filters and a model of a visitor's pictures.

import { showAnswer } from "../../static/answers.js";
import { droppedFiles } from "../../static/drops.js";
import { answered, saveAnswer } from "../../static/server.js";
import { makeDial } from "../../static/slider.js";
import { prepare } from "./upload.js";

const PAUSE = 250; // ms that the slider rests before its value is sent

const INSTEAD = {
  folder: "This is a folder; open it, and drop the pictures in it.",
  address: "This is a picture or link of another page, without its file; save it first, then drop the file.",
  text: "This is not a picture file; drop picture files.",
};

export function start({ element, props, server }) {
  const pane = element.querySelector(".pds-pane");
  const [file, size, enlarge] = ["[type=file]", "[name=size]", "[name=enlarge]"].map((s) => pane.querySelector(s));
  const { sizes, most, layouts, bytes } = props.setup;
  size.append(...sizes.map((side) => new Option(`${side} px`, side)));
  const showProgress = makeProgress(pane.querySelector(".pds-progress"));

  let chosen = [];
  let isExample = false; // whether drawn portraits stand in for the visitor's pictures
  let latest = 0; // number of the newest request
  let model = ""; // name of the one that is shown
  let reusable = ""; // the model of the newest pictures, "" while another is made
  let summary = "";
  let settling = 0;
  const texture = makeDial(pane.querySelector("[name=texture]"), () => {
    clearTimeout(settling);
    settling = setTimeout(sendTexture, PAUSE);
  });

  async function sendPictures() {
    if (!chosen.length && !isExample) return;
    const number = ++latest;
    clearTimeout(settling);
    reusable = "";
    const { files, sentences } = isExample
      ? { files: [], sentences: [] }
      : await prepare(chosen, { side: Number(size.value), most, bytes }, (done, all) =>
          showProgress(`Preparing picture ${done + 1} of ${all}`, done / all)
        );
    if (number === latest) await request(number, { files, example: isExample }, sentences);
  }

  // The pictures are on the server as long as their model is.
  async function sendTexture() {
    if (!reusable) return sendPictures();
    const number = ++latest;
    if (!(await request(number, { model: reusable }, [])) && number === latest) await sendPictures();
  }

  // Requests the model of some pictures and shows it, unless a newer request was made. Returns whether
  // the server still had the pictures.
  async function request(number, pictures, sentences) {
    showProgress("Making their filters and their model");
    const settings = { size: Number(size.value), enlarge: enlarge.checked, texture: texture.read() };
    const answer = await answered(server.bring_images({ ...settings, ...pictures }));
    if (number !== latest) return false;
    showProgress("");
    if (answer.error && pictures.model) return false;
    if (answer.error) answer.error = [answer.error, ...sentences].join(" ");
    else {
      model = reusable = answer.model;
      pane.querySelector(".pds-brought").hidden = false;
      summary = [answer.taken || summary, ...sentences].join(" ");
      pane.querySelector(".pds-taken").textContent = summary;
    }
    await showAnswer(pane, answer, layouts);
    return true;
  }

  // Takes pictures, or drawn portraits without any.
  function take(files) {
    isExample = !files.length;
    chosen = [...files];
    sendPictures();
  }

  function drop({ dataTransfer }) {
    const { files, instead } = droppedFiles(dataTransfer);
    if (instead) showAnswer(pane, { error: INSTEAD[instead] }, {});
    else take(files);
  }

  async function save(kind) {
    const answer = await saveAnswer(server.filter_file({ model, kind }));
    if (answer.error) await showAnswer(pane, answer, {});
  }

  function compare() {
    document.querySelector("#compare-tab-button").click();
    document.querySelector("#stage .pds").dispatchEvent(new CustomEvent("compare", { detail: { model } }));
  }

  pane.querySelector(".pds-example").addEventListener("click", () => take([]));
  file.addEventListener("change", () => {
    if (file.files.length) take(file.files);
    file.value = "";
  });
  for (const control of [size, enlarge]) control.addEventListener("input", sendPictures);
  pane.addEventListener("dragover", (event) => event.preventDefault());
  pane.addEventListener("drop", (event) => {
    event.preventDefault();
    drop(event);
  });
  pane.querySelector(".pds-compare").addEventListener("click", compare);
  for (const button of pane.querySelectorAll("[data-save]")) {
    button.addEventListener("click", () => save(button.dataset.save));
  }
  pane.dataset.answered = 0;
}

// Shows a sentence with a bar, which moves to and fro without a share; "" hides both.
function makeProgress(node) {
  return (sentence, share) => {
    const [bar, text] = node.children;
    node.hidden = !sentence;
    text.textContent = sentence;
    if (share === undefined) bar.removeAttribute("value");
    else bar.value = share;
  };
}
