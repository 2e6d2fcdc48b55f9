// Comparisons worth a look: each samples its request, and says what to look at in that run.

export function makePresets(root, player, { presets, defaults }) {
  const row = root.querySelector(".pds-presets [role=group]");
  const sentence = root.querySelector(".pds-presets p");
  const blind = root.querySelector(".pds-blind-switch input");
  let refusal = ""; // of the link, until another run

  function choose({ request, ...preset }) {
    if (blind.checked !== preset.blind) blind.click();
    root.dispatchEvent(new CustomEvent("compare", { detail: request }));
  }

  const buttons = presets.map((preset) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: preset.title });
    button.addEventListener("click", () => choose(preset));
    return button;
  });
  row.append(...buttons);

  function say(text) {
    if (sentence.textContent !== text) sentence.textContent = text;
    sentence.hidden = !text;
  }

  // A sentence holds for every seed.
  const samples = (preset, request) =>
    Object.entries(preset.request).every(([name, value]) => name === "seed" || request[name] === value);

  // The run on screen may come from a link, or from settings by hand.
  root.addEventListener("pds-step", () => {
    const { request } = player.shown().header;
    const at = presets.findIndex((preset) => samples(preset, request));
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", i === at));
    if (root.dataset.state === "running") refusal = "";
    say(presets[at]?.sentence ?? refusal);
  });

  // A link with settings of its own needs no preset.
  const query = new URLSearchParams(location.search);
  const name = query.get("preset");
  if (name === null || Object.keys(defaults).some((field) => query.has(field))) return;
  query.delete("preset");
  history.replaceState(history.state, "", `?${query}${location.hash}`);
  const asked = presets.find((preset) => preset.name === name);
  if (asked) choose(asked);
  else say((refusal = `preset must be one of ${presets.map((preset) => preset.name).join(", ")}, got '${name}'.`));
}
