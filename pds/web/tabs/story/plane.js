// The first step of the story: walks in the plane, which are scrubbed and played with no further
// request. The start, the step and M are handles in the picture; sliders and handles follow each other.

const STEM = 34; // pixels from the noise of one step to the handle that sets it
const CROSS = [1.9, -1.1]; // where the cross of the guess lies at first
const clamped = (value, low, high) => Math.max(low, Math.min(high, value));
const places = ([x, y]) => `x = ${x.toFixed(2)}, y = ${y.toFixed(2)}`;

function makePlane(section, { controls, refresh, setup }) {
  const own = setup.plane;
  const find = (selector) => section.querySelector(selector);
  const scrub = find("[data-scrub]");
  const [walkButton, stepButton, drawButton] = [".pds-walk", ".pds-step", ".pds-draw"].map(find);
  const select = find("[name=target]");
  select.append(...Object.entries(own.beginnings).map(([name, { title }]) => new Option(title, name)));

  let start = own.beginnings.ellipse.start;
  let answer = null; // the one that is shown, with what was asked for it
  let drawn = null; // { picture, mask } of the density that is shown
  let accepted = { target: "ellipse", start, strokes: [] };
  let playing = 0;
  const guess = { at: CROSS, moved: false, truth: null };
  const asking = () => section.dataset.state === "asking";
  const color = (name) => getComputedStyle(section).getPropertyValue(`--${name}`);

  const panels = ["vanilla", "M"].map((name) => {
    const figure = find(`[data-panel="${name}"]`);
    const box = figure.querySelector(".pds-plane");
    const plane = makeCanvas(box, { reach: own.reach, onResize: () => redraw() });
    return { name, figure, box, plane, tint: name === "M" ? "ours" : "vanilla", handles: {} };
  });
  const [vanilla, withM] = panels;
  const taken = makeDial(scrub, () => {
    halt();
    redraw();
  });

  // Whether what is shown is what the question asks about.
  function isAsked() {
    if (asking()) return true;
    const values = controls.read();
    const same = Object.entries(own.asked).every(([name, value]) => values[name] === value);
    return same && near(start, own.beginnings.ellipse.start) < 0.005;
  }

  function set(name, value) {
    controls.write(name, value);
    redraw();
    refresh();
  }

  function moveStart(point) {
    start = vanilla.plane.inside(point).map((value) => Number(value.toFixed(2)));
    redraw();
    refresh();
  }

  function moveCross(point) {
    guess.at = vanilla.plane.inside(point).map((value) => Number(value.toFixed(2)));
    guess.moved = true;
    redraw();
  }

  const shifted = ([x, y], [dx, dy]) => [x + POINT_STEP * dx, y + POINT_STEP * dy];
  const toward = () => (start[0] > 0 ? -1 : 1); // the side of the start where the step's handle is
  const noise = () => SPREAD * Math.sqrt(2 * controls.read().length);
  const changeStep = (length) => set("length", clamped(length, 0.001, 3));
  const changeM = (power) => set("power", clamped(Number(power.toFixed(2)), 0, 1));

  for (const panel of panels) {
    panel.handles.start = makeHandle(panel.box, panel.plane, {
      kind: "start", label: "Start of the walks", moveTo: moveStart, nudge: (by) => moveStart(shifted(start, by)),
    });
  }
  vanilla.handles.step = makeHandle(vanilla.box, vanilla.plane, {
    kind: "step", label: "Step e", sign: "e",
    moveTo([x]) {
      const radius = (x - start[0]) * toward() - STEM / vanilla.plane.unit();
      changeStep(Math.max(0, radius / SPREAD) ** 2 / 2);
    },
    nudge: ([dx, dy]) => changeStep(controls.read().length * 1.05 ** (dx * toward() + dy)),
  });
  withM.handles.m = makeHandle(withM.box, withM.plane, {
    kind: "m", label: "Strength of M", sign: "M",
    moveTo([x, y]) {
      const { mean, handle } = drawn.about;
      const along = (x - mean[0]) * handle.along[0] + (y - mean[1]) * handle.along[1];
      changeM(Math.log(Math.max(0.01, Math.abs(along)) / SPREAD) / Math.log(handle.std));
    },
    nudge: ([dx, dy]) => changeM(controls.read().power + 0.01 * (dx + dy)),
  });
  vanilla.handles.cross = makeHandle(vanilla.box, vanilla.plane, {
    kind: "cross", label: "Your guess of the mean", sign: "+", moveTo: moveCross,
    nudge: (by) => moveCross(shifted(guess.at, by)),
  });

  const pen = makePen(vanilla.box, vanilla.plane, {
    onChange: () => redraw(),
    onStroke() {
      redraw();
      refresh();
    },
  });

  // M of a power p has the standard deviations of the density to that power.
  function placeHandles() {
    const { length, power } = controls.read();
    for (const { handles } of panels) handles.start.place(start, start[0], places(start));
    const far = noise() + STEM / vanilla.plane.unit();
    vanilla.handles.step.place([start[0] + toward() * far, start[1]], length, `e = ${length}`);
    vanilla.handles.cross.place(guess.at, guess.at[0], places(guess.at));
    if (!drawn) return;
    const { mean, handle } = drawn.about;
    const radius = SPREAD * handle.std ** power;
    withM.handles.m.place(mean.map((at, i) => at + radius * handle.along[i]), power, `strength ${power}`);
    withM.handles.m.node.hidden = Math.abs(Math.log(handle.std)) < 0.1;
  }

  // Gray once it is converged, red where it never will be. Only a Gaussian converges like that.
  function state({ steps, unstable }, t, of) {
    if (unstable) return "unstable";
    return !of && steps <= t ? "converged" : "moving";
  }

  function drawWalks({ plane, tint, walks }, panel, t) {
    const main = color(tint);
    const states = panel.directions.map((direction) => state(direction, t, panel.of));
    panel.axes.forEach((axis, i) => {
      const shade = color({ unstable: "bad", converged: "line", moving: "soft" }[states[i]]);
      plane.stroke([axis.map((v, k) => drawn.about.mean[k] - v), axis.map((v, k) => drawn.about.mean[k] + v)], shade, { width: 2 });
    });
    const faint = `color-mix(in srgb, ${main} 55%, transparent)`;
    for (let i = 0; i < walks.count; i++) plane.dot(walks.at(t, i), faint, 2.2);
    plane.stroke(Array.from({ length: t + 1 }, (_, step) => walks.at(step, 0)), color("soft"));
    const last = Math.min(t, panel.mean.length - 1);
    plane.stroke(ring(panel.law[last], panel.mean[last], SPREAD), main, { width: 2, dash: [6, 4] });
    plane.stroke(panel.mean.slice(0, last + 1), main, { width: 3 });
    plane.dot(panel.mean[last], main, 5);
  }

  // The noise of one step at the start, and in the right panel M itself.
  function drawControls({ plane, name }, panel) {
    const round = [1, 0, 0, 1];
    const m = name === "M" ? panel.m.flat() : round;
    plane.stroke(ring(m, start, noise()), color("ink"), { width: 1.5 });
    if (name === "M") plane.stroke(ring(m, drawn.about.mean, SPREAD), color("ink"), { width: 1.5, dash: [2, 3] });
    else plane.stroke([[start[0] + toward() * noise(), start[1]], [start[0] + toward() * (noise() + STEM / plane.unit()), start[1]]], color("ink"));
  }

  function drawGuess(plane) {
    if (!guess.truth || !isAsked()) return;
    plane.stroke([guess.at, guess.truth], color("ink"), { dash: [3, 3] });
    for (const [point, text] of [[guess.at, "your guess"], [guess.truth, "exact"]]) {
      plane.dot(point, color("paper"), 7);
      plane.dot(point, color("ink"), 5);
      plane.write(text, point, color("ink"));
    }
  }

  function drawPen(plane) {
    for (const points of pen.strokes()) {
      plane.stroke(points, color("ink"), { width: 3 });
      if (points.length === 1) plane.dot(points[0], color("ink"), 3);
    }
    const tip = pen.tip();
    if (tip) plane.stroke(ring([0.1, 0, 0, 0.1], tip), color("ink"), { width: 2 });
  }

  function drawPanel(panel, t) {
    const { plane, tint } = panel;
    const shown = asking() || empty() ? null : answer?.panels[panel.name];
    plane.plane(() => {
      if (drawn?.mask && !empty()) plane.shade(drawn.mask, color("data"));
      if (shown) drawWalks(panel, shown, t);
      if (shown && !pen.on()) drawControls(panel, shown);
      plane.dot(start, color("ink"), 6);
      if (panel === vanilla) drawGuess(plane);
      if (panel === vanilla && pen.on()) drawPen(plane);
    }, color("line"));
    if (empty() || !drawn) return;
    const tone = { color: `color-mix(in srgb, ${color(tint)} 50%, transparent)`, ink: color("ink") };
    for (const axis of [0, 1]) {
      const counts = shown ? histogram(panel.walks, t, axis, own.reach[axis]) : null;
      plane.bars(axis, counts, drawn.about.marginals[axis], tone);
    }
  }

  function listDirections({ name, figure }, t) {
    const { directions, of } = answer.panels[name];
    const item = (className, textContent) => Object.assign(document.createElement("li"), { className, textContent });
    const items = directions.map((direction) => item(state(direction, t, of), direction.text));
    figure.querySelector("ul").replaceChildren(...(of ? [item("of", of)] : []), ...items);
  }

  // Whether a density is to be drawn and nothing is drawn yet.
  const empty = () => !asking() && select.value === "drawing" && !pen.strokes().length;

  function redraw() {
    if (!vanilla.plane.unit()) return;
    const { target, sampler } = controls.read();
    find(".pds-kappa").hidden = target !== "ellipse";
    find(".pds-pen").hidden = target !== "drawing" || asking();
    find(".pds-hint").hidden = !pen.on();
    find("[name=swirl]").disabled = sampler === "MALA";
    find(".pds-reason").hidden = sampler !== "MALA";
    section.toggleAttribute("data-empty", empty());
    drawButton.setAttribute("aria-pressed", pen.on());
    placeHandles();
    for (const panel of panels) {
      if (panel.plane.unit()) drawPanel(panel, taken.read());
      if (answer && !asking()) listDirections(panel, taken.read());
    }
  }

  async function show(about) {
    if (drawn?.about.picture !== about.picture) drawn = { about, mask: await stencil(about.picture) };
    drawn.about = about;
    redraw();
  }

  function halt() {
    clearInterval(playing);
    playing = 0;
    walkButton.textContent = "Walk";
  }

  function step() {
    taken.write(taken.read() + 1);
    redraw();
    if (taken.read() >= Number(scrub.max)) halt();
  }

  function begin() {
    pen.turn(false);
    if (taken.read() >= Number(scrub.max)) taken.write(0);
  }

  walkButton.addEventListener("click", () => {
    if (playing) return halt();
    begin();
    walkButton.textContent = "Pause";
    playing = setInterval(step, 90);
  });
  stepButton.addEventListener("click", () => {
    halt();
    begin();
    step();
  });
  // The plane has to be in sight for that.
  function turnPen(on) {
    pen.turn(on);
    redraw();
    if (on) vanilla.figure.scrollIntoView({ block: "nearest" });
  }

  drawButton.addEventListener("click", () => turnPen(!pen.on()));
  find(".pds-clear").addEventListener("click", () => {
    pen.write([]);
    turnPen(true);
  });

  // Another density comes with its own start and step. This precedes the request of the control.
  section.addEventListener("input", ({ target }) => {
    if (target !== select) return;
    const { start: at, step } = own.beginnings[select.value];
    start = at;
    controls.write("length", step);
    turnPen(empty());
  }, { capture: true });
  section.addEventListener("input", () => redraw());
  matchMedia("print").addEventListener("change", () => redraw());

  new MutationObserver(() => {
    halt();
    if (asking()) show(own.drawn);
    else redraw();
  }).observe(section, { attributeFilter: ["data-state"] });
  show(own.drawn);

  return {
    values() {
      const { sampler, target, swirl } = controls.read();
      const drawing = target === "drawing" ? { drawing: resampled(pen.strokes(), own.num_points, own.pen) } : {};
      return { start, swirl: sampler === "MALA" ? 0 : swirl, ...drawing };
    },
    ready: () => !empty(),
    async accept(given) {
      answer = given;
      accepted = { target: select.value, start, strokes: [...pen.strokes()] };
      for (const panel of panels) {
        panel.walks = unpacked(given.panels[panel.name].chains, { scale: own.scale, num_steps: Number(scrub.max) });
        const canvas = panel.box.querySelector("canvas");
        canvas.dataset.label ??= canvas.getAttribute("aria-label");
        canvas.setAttribute("aria-label", `${canvas.dataset.label}. ${given.text.plane}`);
      }
      await show(given.drawn);
    },
    // What was refused is taken back.
    refuse() {
      select.value = accepted.target;
      start = accepted.start;
      pen.write(accepted.strokes);
      redraw();
    },
    guess: {
      read: () => (guess.moved ? guess.at : null),
      write(point) {
        if (Array.isArray(point) && point.length === 2 && point.every(Number.isFinite)) moveCross(point);
      },
      // The picture then shows the walk that the question asks about.
      mark(truth) {
        guess.truth = truth;
        if (asking()) {
          start = own.beginnings.ellipse.start;
          for (const [name, value] of Object.entries(own.asked)) controls.write(name, value);
          taken.write(own.asked_steps);
        }
        redraw();
      },
      clear() {
        guess.truth = null;
        redraw();
      },
      disable(disabled) {
        vanilla.handles.cross.node.setAttribute("aria-disabled", disabled);
        if (!disabled) Object.assign(guess, { at: CROSS, moved: false });
        redraw();
      },
    },
  };
}
