// From a moment on the timeline to the story of a run that is stopped there.

const LONGEST = 2000; // iterations of a run in the story

export function makeStopped(root, player) {
  const link = root.querySelector(".pds-stopped");
  let values = null;

  function adapt() {
    const { header, order, numbers } = player.shown();
    const [iteration, num_steps] = [numbers.iterations[order[0]], header.lengths[order[0]]];
    values = { iteration, num_steps };
    link.hidden = iteration <= 1 || iteration >= num_steps || num_steps > LONGEST;
    link.textContent = `Is that a run of ${iteration.toLocaleString("en-US")}?`;
  }

  root.addEventListener("pds-step", adapt);
  link.addEventListener("click", () => {
    window.pdsStory = { step: "clocks", values }; // kept for the tab, which may not be drawn yet
    document.querySelector("#story-tab-button").click();
    document.dispatchEvent(new Event("pds-story"));
  });
}
