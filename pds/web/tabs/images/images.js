// The tab "Your images": filters and a model of a visitor's pictures.

import { showAnswer } from "../../static/answers.js";
import { find, findAll } from "../../static/dom.js";
import { droppedFiles } from "../../static/drops.js";
import { answered, saveAnswer } from "../../static/server.js";
import { makeDial } from "../../static/slider.js";
import { compare, openTab } from "../../static/tabs.js";
import { prepare } from "./upload.js";

/** @import { Component } from "../../static/server.js" */

/**
 * @typedef {object} Setup
 * @property {Record<string, object>} layouts of the figures
 * @property {number[]} sizes of images
 * @property {number} most pictures of a request
 * @property {number} bytes of a request
 *
 * What the model is made of.
 * @typedef {{ files: object[], example: boolean } | { model: string }} Pictures
 */

const PAUSE = 250; // ms that the slider rests before its value is sent

const INSTEAD = {
  folder: "This is a folder; open it, and drop the images in it.",
  address: "This is an image or link of another page, without its file; save it first, then drop the file.",
  text: "This is not an image file; drop image files.",
};

/** @param {Component<Setup>} component */
export function start({ element, props, server }) {
  const pane = find(element, ".pds-pane");
  const size = find(pane, "[name=size]", HTMLSelectElement);
  const enlarge = find(pane, "[name=enlarge]", HTMLInputElement);
  const { sizes, most, layouts, bytes } = props.setup;
  size.append(...sizes.map((side) => new Option(`${side} px`, String(side))));
  const showProgress = makeProgress(find(pane, ".pds-progress"));

  /** @type {File[]} */
  let chosen = [];
  let isExample = false; // whether drawn portraits stand in for the visitor's pictures
  let latest = 0; // number of the newest request
  let model = ""; // name of the one that is shown
  let reusable = ""; // the model of the newest pictures, "" while another is made
  let summary = "";
  let settling = 0;
  const texture = makeDial(find(pane, "[name=texture]", HTMLInputElement), () => {
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
          showProgress(`Preparing image ${done + 1} of ${all}`, done / all)
        );
    if (number === latest) await request(number, { files, example: isExample }, sentences);
  }

  // The pictures are on the server as long as their model is.
  async function sendTexture() {
    if (!reusable) return sendPictures();
    const number = ++latest;
    if (!(await request(number, { model: reusable }, [])) && number === latest) await sendPictures();
  }

  /**
   * Requests the model of some pictures and shows it, unless a newer request was made.
   * @param {number} number of the request
   * @param {Pictures} pictures
   * @param {string[]} sentences about pictures that are not in it
   * @returns {Promise<boolean>} whether the server still had the pictures
   */
  async function request(number, pictures, sentences) {
    showProgress("Making their filters and their model");
    const settings = { size: Number(size.value), enlarge: enlarge.checked, texture: texture.read() };
    const answer = await answered(server.bring_images({ ...settings, ...pictures }));
    if (number !== latest) return false;
    showProgress("");
    if (answer.error && "model" in pictures) return false;
    if (answer.error) answer.error = [answer.error, ...sentences].join(" ");
    else {
      model = reusable = answer.model;
      find(pane, ".pds-brought").hidden = false;
      summary = [answer.taken || summary, ...sentences].join(" ");
      find(pane, ".pds-taken").textContent = summary;
    }
    await showAnswer(pane, answer, layouts);
    return true;
  }

  // Takes pictures, or drawn portraits without any.
  function take(/** @type {File[]} */ files) {
    isExample = !files.length;
    chosen = files;
    sendPictures();
  }

  connectFiles(pane, take);
  find(pane, ".pds-example").addEventListener("click", () => take([]));
  for (const control of [size, enlarge]) control.addEventListener("input", sendPictures);
  find(pane, ".pds-compare").addEventListener("click", () => {
    openTab("compare");
    compare({ model });
  });
  for (const button of findAll(pane, "[data-save]")) {
    button.addEventListener("click", async () => {
      const answer = await saveAnswer(server.filter_file({ model, kind: button.dataset.save }));
      if (answer.error) await showAnswer(pane, answer, {});
    });
  }
  pane.dataset.answered = "0";
}

/**
 * Files that are chosen in the pane or dropped on it.
 * @param {HTMLElement} pane
 * @param {(files: File[]) => void} take
 */
function connectFiles(pane, take) {
  const input = find(pane, "[type=file]", HTMLInputElement);
  input.addEventListener("change", () => {
    if (input.files?.length) take([...input.files]);
    input.value = "";
  });
  pane.addEventListener("dragover", (event) => event.preventDefault());
  pane.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!event.dataTransfer) return;
    const { files, instead } = droppedFiles(event.dataTransfer);
    if (instead) showAnswer(pane, { error: INSTEAD[instead] }, {});
    else take(files);
  });
}

/**
 * Shows a sentence with a bar, which moves to and fro without a share; "" hides both.
 * @param {HTMLElement} node
 * @returns {(sentence: string, share?: number) => void}
 */
function makeProgress(node) {
  const [bar, text] = [find(node, "progress", HTMLProgressElement), find(node, "progress + *")];
  return (sentence, share) => {
    node.hidden = !sentence;
    text.textContent = sentence;
    if (share === undefined) bar.removeAttribute("value");
    else bar.value = share;
  };
}
