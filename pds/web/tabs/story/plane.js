// The plane of the story's first step: walks that are scrubbed and played, with no further request.

const [LONG, SHORT, LAW, CHAIN, MEAN] = [1, 2, 3, 4, 5]; // traces, after the target

function ellipse([a, b, c, d], x, y) {
  const out = { x: [], y: [] };
  for (let i = 0; i <= 48; i++) {
    const turn = (2 * Math.PI * i) / 48;
    const [u, v] = [2 * Math.cos(turn), 2 * Math.sin(turn)];
    out.x.push(x + a * u + b * v);
    out.y.push(y + c * u + d * v);
  }
  return out;
}

function makePlane(section) {
  const scrub = section.querySelector("[data-scrub]");
  const button = section.querySelector(".pds-walk");
  const style = getComputedStyle(section);
  let panels = null;
  let playing = 0;
  const taken = makeDial(scrub, () => {
    halt();
    draw();
  });

  // Gray once it is converged, red where it never will be.
  function state({ steps }, t) {
    if (steps === null) return "unstable";
    return steps <= t ? "converged" : "moving";
  }

  function drawPanel(name, panel, t) {
    const node = section.querySelector(`[data-plot="${name}"]`);
    const at = Math.min(t, panel.mean.x.length - 1);
    const law = ellipse(panel.law[at], panel.mean.x[at], panel.mean.y[at]);
    const upTo = (path) => ({ x: path.x.slice(0, t + 1), y: path.y.slice(0, t + 1) });
    const shown = [law, upTo(panel.chain), upTo(panel.mean)];
    const states = panel.directions.map((direction) => state(direction, t));
    const colors = states.map((s) => style.getPropertyValue(s === "unstable" ? "--bad" : s === "moving" ? "--ink" : "--soft"));
    const { restyle } = window.pdsPlotlyReady;
    restyle(node, { x: shown.map((p) => p.x), y: shown.map((p) => p.y) }, [LAW, CHAIN, MEAN]);
    restyle(node, { "line.color": colors, "line.dash": states.map((s) => (s === "converged" ? "dot" : "solid")) }, [LONG, SHORT]);
    const lines = panel.directions.map(({ text }, i) => {
      const item = document.createElement("li");
      item.className = states[i];
      const axis = panel.swirls ? ["one direction", "the other"] : ["long axis", "short axis"];
      item.textContent = `${axis[i]} ${text}`;
      return item;
    });
    const last = document.createElement("li");
    last.textContent = panel.acceptance;
    node.parentElement.querySelector("ul").replaceChildren(...lines, last);
  }

  function draw() {
    if (!panels) return;
    for (const [name, panel] of Object.entries(panels)) drawPanel(name, panel, taken.read());
  }

  function halt() {
    clearInterval(playing);
    playing = 0;
    button.textContent = "Walk";
  }

  button.addEventListener("click", () => {
    if (playing) return halt();
    if (taken.read() >= Number(scrub.max)) taken.write(0);
    button.textContent = "Pause";
    playing = setInterval(() => {
      taken.write(taken.read() + 1);
      draw();
      if (taken.read() >= Number(scrub.max)) halt();
    }, 90);
  });

  return {
    accept(answer) {
      panels = answer;
      draw();
    },
  };
}
