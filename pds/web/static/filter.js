// The tab "Filter": a model's filters, or those of a file.

const pane = element.querySelector(".pds-pane");
const { model, channel } = Object.fromEntries(
  [...pane.querySelectorAll("select")].map((node) => [node.name, node])
);
model.append(...props.setup.models.map(({ name, title }) => new Option(title, name)));
channel.append(...props.setup.channels.map((title, i) => new Option(title, i)));
let opened = "";

const controls = makeValues(pane, refresh);
const read = () => ({ ...controls.read(), channel: Number(channel.value), opened });
const ask = makeAsker(
  (values) => server.filter_view(values),
  (answer) => showAnswer(pane, answer, props.setup.layouts)
);
function refresh() {
  ask(read());
}

const file = pane.querySelector("input[type=file]");
const openedName = pane.querySelector(".pds-opened");
function useOpened(name, title) {
  opened = name;
  openedName.hidden = !name;
  openedName.querySelector("span").textContent = title;
  refresh();
}
async function open(chosen) {
  const answer = await answered(server.open_filter(await asBase64(chosen)));
  if (answer.error) await showAnswer(pane, answer, {});
  else useOpened(answer.opened, chosen.name);
}
file.addEventListener("change", () => {
  if (file.files.length) open(file.files[0]);
  file.value = "";
});
pane.querySelector(".pds-close").addEventListener("click", () => useOpened("", ""));
for (const button of pane.querySelectorAll("[data-save]")) {
  button.addEventListener("click", async () => {
    const answer = await answered(server.filter_file({ ...read(), kind: button.dataset.save }));
    if (answer.error) await showAnswer(pane, answer, {});
    else download(answer.file, answer.content);
  });
}
refresh();
