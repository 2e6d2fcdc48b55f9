// The tab "Why few steps fail": each step asks for itself, when it comes into view or is changed.

const pane = element.querySelector(".pds-pane");
const model = pane.querySelector("[name=model]");
model.append(...props.setup.fields.map(({ name, title }) => new Option(title, name)));
for (const input of pane.querySelectorAll("[data-stops]")) {
  input.dataset.stops = props.setup.stops[input.dataset.stops].join(" ");
}

const lab = makeLab(pane.querySelector("[data-step=lab]"));
const seen = new Map();
for (const section of pane.querySelectorAll("[data-step]")) {
  const complaint = document.createElement("p");
  Object.assign(complaint, { className: "pds-error", hidden: true, role: "alert" });
  section.querySelector(".pds-bar").after(complaint);
  const controls = makeValues(section, () => refresh());
  const ask = makeAsker(
    (values) => server.story_view(values),
    async (answer) => {
      await showAnswer(section, answer, props.setup.layouts);
      if (answer.panels) lab.accept(answer.panels);
      pane.dataset.answered = 1;
    }
  );
  const refresh = () => ask({ ...controls.read(), step: section.dataset.step, model: model.value });
  new IntersectionObserver(
    (entries, observer) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      seen.set(section, refresh);
      refresh();
    },
    { rootMargin: "300px" }
  ).observe(section);
}
model.addEventListener("input", () => seen.forEach((refresh) => refresh()));
