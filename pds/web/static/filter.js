// The tab "Filter": a model's filters, or those of a file.

const pane = element.querySelector(".pds-pane");
const { model, channel } = Object.fromEntries(
  [...pane.querySelectorAll("select")].map((node) => [node.name, node])
);
model.append(...props.setup.models.map(({ name, title }) => new Option(title, name)));
channel.append(...props.setup.channels.map((title, i) => new Option(title, i)));
const opened = { frequency: "", space: "" };

const controls = makeValues(pane, refresh);
const read = () => ({ ...controls.read(), channel: Number(channel.value), ...opened });
const ask = makeAsker(
  (values) => server.filter_view(values),
  (answer) => showAnswer(pane, answer, props.setup.layouts)
);
function refresh() {
  ask(read());
}

const openedNames = pane.querySelector(".pds-opened");
function showOpened(titles) {
  openedNames.hidden = !titles.length;
  openedNames.querySelector("span").textContent = titles.join(" and ");
}
const titles = {};
for (const file of pane.querySelectorAll("input[type=file]")) {
  file.addEventListener("change", async () => {
    const [chosen] = file.files;
    if (!chosen) return;
    const { kind } = file.dataset;
    const answer = await answered(server.open_filter({ kind, content: await asBase64(chosen) }));
    file.value = "";
    if (answer.error) return showAnswer(pane, answer, {});
    opened[kind] = answer.opened;
    titles[kind] = chosen.name;
    showOpened(Object.values(titles));
    refresh();
  });
}
pane.querySelector(".pds-close").addEventListener("click", () => {
  for (const kind in opened) {
    opened[kind] = "";
    delete titles[kind];
  }
  showOpened([]);
  refresh();
});
for (const button of pane.querySelectorAll("[data-save]")) {
  button.addEventListener("click", async () => {
    const answer = await answered(server.filter_file({ ...read(), kind: button.dataset.save }));
    if (answer.error) await showAnswer(pane, answer, {});
    else download(answer.file, answer.content);
  });
}

// The arrow keys turn the surface as dragging does.
const surface = pane.querySelector("[data-plot=surface]");
surface.addEventListener("keydown", (event) => {
  const turn = { ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, 0.15], ArrowDown: [0, -0.15] }[event.key];
  const eye = surface._fullLayout?.scene?.camera.eye;
  if (!turn || !eye) return;
  event.preventDefault();
  const [around, above] = [Math.atan2(eye.y, eye.x) + turn[0], Math.atan2(eye.z, Math.hypot(eye.x, eye.y)) + turn[1]];
  const [far, high] = [Math.hypot(eye.x, eye.y, eye.z), Math.min(1.45, Math.max(-0.3, above))];
  const flat = far * Math.cos(high);
  const camera = { x: flat * Math.cos(around), y: flat * Math.sin(around), z: far * Math.sin(high) };
  window.pdsPlotlyReady.relayout(surface, { "scene.camera.eye": camera });
});
refresh();
