// Pictures and numbers of a run: decodes messages, draws both panels together, scrubs and plays.

const MOST_LIVE = 132; // live frames held for scrubbing
const LIVE_PIXELS = 20e6; // pixels in them, of 4 bytes each

async function decode(png) {
  const file = await fetch("data:image/png;base64," + png); // decodes faster than atob, asks no server
  const options = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  return createImageBitmap(await file.blob(), options);
}

// Where the pictures of a side lie in its grid, in pixels of the pictures.
function arrange({ width, height, request }) {
  const count = request.num_images;
  const columns = Math.ceil(Math.sqrt(count));
  const gap = Math.max(1, Math.round(width / 32));
  const place = (i) => [(i % columns) * (width + gap), Math.floor(i / columns) * (height + gap)];
  return {
    across: columns * (width + gap) - gap,
    down: Math.ceil(count / columns) * (height + gap) - gap,
    places: Array.from({ length: count }, (_, i) => place(i)),
  };
}

// A pixel of a picture takes a whole number of the screen's pixels where that fills the panel. Elsewhere
// the canvas has more pixels than the panel, which the browser averages, so that all stay alike.
function fit(canvas, across, down) {
  const { clientWidth, clientHeight } = canvas.parentElement;
  const room = Math.min(clientWidth / across, clientHeight / down) * devicePixelRatio || 1;
  const whole = Math.floor(room + 0.01);
  const exact = whole >= 0.85 * room;
  const step = exact ? 1 : Math.max(1, Math.ceil(room));
  canvas.classList.toggle("exact", exact);
  canvas.dataset.step = step;
  canvas.style.width = exact ? `${(across * whole) / devicePixelRatio}px` : "100%";
  canvas.style.height = exact ? `${(down * whole) / devicePixelRatio}px` : "100%";
  const [width, height] = [across * step, down * step];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  return step;
}

function paint(canvas, sheet, row, first, header) {
  const { width, height } = header;
  const { across, down, places } = arrange(header);
  const step = fit(canvas, across, down);
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  places.forEach(([x, y], i) => {
    const from = [(first + i) * width, row * height, width, height];
    context.drawImage(sheet, ...from, step * x, step * y, step * width, step * height);
  });
}

function makePlayer(root) {
  const find = (selector) => root.querySelector(selector);
  const panels = ["vanilla", "ours"].map((name) => find(".pds-panel." + name));
  const canvases = panels.map((panel) => panel.querySelector("canvas"));
  let names = [];
  let order = [0, 1]; // the sampler that each panel shows, of those of the run
  const scrub = find(".pds-scrub");
  const place = find(".pds-where");
  const play = find(".pds-play");
  const drawSpectrum = makeSpectrum(find(".pds-spectrum svg"));
  const drawTrace = makeTrace(find(".pds-trace"));
  let header = null;
  let moments = []; // { numbers, sheet, row }
  let playing = 0;
  let shown = null; // the one of them on screen
  let fresh = false; // a run has begun, but the pictures are still those of the last one
  const magnify = makeLoupe(root, canvases, () => shown && { header, names, order, ...shown });

  // The two numbers that say how the pictures look, and what is below them: [name, value, note, title].
  function looks(chain, { grain, contrast }) {
    const { own, request } = header;
    const pixels = `Standard deviation of the noise in flat places: ${share(grain.pixels[chain])} of the range from black to white`;
    if (!own) return [["Grain", share(grain.pixels[chain]), "", pixels]];
    const single = request.num_images === 1;
    return [
      ["Grain", relative(grain.network[chain]), `data: ${relative(grain.data[chain])}`,
        `Noise in flat places: ${relative(grain.network[chain])} that of ${own}, ${relative(grain.data[chain])} that of the data. ${pixels}`],
      ["Contrast", single ? "–" : relative(contrast.network[chain]), single ? "needs two pictures" : `data: ${relative(contrast.data[chain])}`,
        single ? "" : `Variance of the coarse shapes: ${relative(contrast.network[chain])} that of ${own}, ${relative(contrast.data[chain])} that of the data`],
    ];
  }

  // A sentence in three parts, then its title and class; nothing where the noise cannot be measured.
  function noiseGiven(ratio) {
    if (ratio === null) return [];
    const title = "Noise in flat places of the state that the network is given next, relative to the sigma that it is told. A network believes its sigma: it takes what is above it for texture, and that stays as grain";
    return [["noise is now ", `${factor(ratio)} times `, "what the network is told", title, "told"]];
  }

  function tell(panel, side, step) {
    const { num_images } = header.request;
    const chain = order[side];
    const measured = looks(chain, step);
    const [iteration, length] = [step.iterations[chain], header.lengths[chain]];
    const waits = iteration === length && !isOver(header, step);
    const given = noiseGiven(step.noise_ratio[chain]);
    const rows = [
      ...measured.map((row) => [...row, "look"]),
      ["iteration", iteration, waits ? "done" : "", `Of ${length}`],
      ["sigma", noise(step.sigma[chain]), "", "Standard deviation of the noise at which the network was called"],
      ["calls", step.calls[chain], "", "Network evaluations per image so far (nfe)"],
      ["per step", duration(step.seconds), "", "Time of an iteration of both samplers, which advance in one batch"],
      ...given,
    ];
    panel.querySelector("dl").replaceChildren(
      ...rows.map(([term, value, note, title, className = ""]) => {
        const group = document.createElement("div");
        Object.assign(group, { title, className });
        group.append(document.createElement("dt"), document.createElement("dd"));
        group.children[0].textContent = term;
        group.children[1].textContent = value;
        if (note) group.children[1].append(Object.assign(document.createElement("small"), { textContent: note }));
        return group;
      })
    );
    const images = num_images + (num_images === 1 ? " image" : " images");
    const seen = measured.map(([term, value]) => `${term.toLowerCase()} ${value}`);
    const told = [...seen, ...given.map((row) => row.slice(0, 3).join(""))].join(", ");
    canvases[side].setAttribute("aria-label", `${names[chain]}: ${images} after iteration ${iteration} of ${length}, ${told}`);
  }

  function paintAll() {
    if (!shown) return;
    canvases.forEach((canvas, side) =>
      paint(canvas, shown.sheet, shown.row, order[side] * header.request.num_images, header)
    );
    magnify();
  }

  function show(moment) {
    const { numbers } = (shown = moment);
    paintAll();
    panels.forEach((panel, side) => tell(panel, side, numbers));
    const where = reached(header, numbers, order);
    root.classList.toggle("midway", header.kind === "done" && !isOver(header, numbers));
    const fine = order.map((chain) => `${names[chain]} ${times(numbers.left[chain])} the data's`).join(", ");
    find(".pds-spectrum svg").setAttribute("aria-label", `Radial power spectrum, ${where}. Power in fine detail: ${fine}`);
    const [power, theory] = [numbers.power, numbers.theory].map((both) => both.length && facing(both));
    drawSpectrum(header.radii, header.data, header.network, power, theory || []);
    root.classList.toggle("exact", numbers.theory.length > 0);
    root.classList.toggle("learned", header.network.length > 0);
    if (place.textContent !== where) place.textContent = where; // the same step may be shown once more
    fill(scrub);
    root.dispatchEvent(new Event("pds-step"));
  }

  function goTo(index) {
    scrub.value = index;
    scrub.setAttribute("aria-valuetext", reached(header, moments[index].numbers, order));
    show(moments[index]);
  }

  function pause() {
    clearInterval(playing);
    playing = 0;
    play.classList.remove("playing");
    play.setAttribute("aria-label", "Play the steps");
  }

  function start() {
    const pace = Math.min(250, Math.max(40, 4000 / moments.length));
    if (Number(scrub.value) >= moments.length - 1) goTo(0);
    playing = setInterval(() => {
      const next = Number(scrub.value) + 1;
      goTo(next);
      if (next >= moments.length - 1) pause();
    }, pace);
    play.classList.add("playing");
    play.setAttribute("aria-label", "Pause");
  }

  function unlock() {
    scrub.min = 0;
    scrub.max = moments.length - 1;
    scrub.disabled = play.disabled = moments.length < 2;
  }

  const facing = (both) => order.map((chain) => both[chain]);

  function nameKey() {
    const [left, right] = facing(header.labels);
    find(".pds-key .vanilla").textContent = left;
    find(".pds-key .ours").textContent = right;
  }

  function trace() {
    drawTrace(moments.map((m) => m.numbers), header, order);
  }

  function adopt(message) {
    header = message;
    names = message.labels.map(capital);
    nameKey();
    find(".pds-scale").hidden = !message.own;
    find(".pds-scale i").textContent = find(".pds-track .like").textContent = message.own;
  }

  const resized = new ResizeObserver(paintAll);
  for (const canvas of canvases) resized.observe(canvas.parentElement);
  play.addEventListener("click", () => (playing ? pause() : start()));
  scrub.addEventListener("input", () => {
    pause();
    goTo(Number(scrub.value));
  });

  return {
    begin() {
      pause();
      fresh = true;
      scrub.disabled = play.disabled = true;
    },
    live(message, sheet) {
      adopt(message);
      if (fresh) moments = [];
      fresh = false;
      const [numbers] = message.steps;
      moments.push({ numbers, sheet, row: 0 });
      const room = Math.min(MOST_LIVE, LIVE_PIXELS / (sheet.width * sheet.height));
      if (moments.length > room) moments = moments.filter((_, i) => i % 2 === 0);
      [scrub.min, scrub.max] = span(message);
      scrub.value = numbers.nfe;
      show(moments[moments.length - 1]);
      trace();
      return reached(message, numbers, order);
    },
    // The run on screen, as the message that ends a run; a stopped run has none, so it is drawn here.
    kept(mostPixels) {
      const { request } = header;
      if (header.kind === "done") return { request, steps: header.steps, png: header.png };
      const [width, height] = [2 * request.num_images * header.width, header.height];
      const every = Math.ceil(moments.length / Math.max(1, Math.floor(mostPixels / (width * height))));
      const some = moments.filter((_, i) => (moments.length - 1 - i) % every === 0);
      const canvas = Object.assign(document.createElement("canvas"), { width, height: height * some.length });
      const context = canvas.getContext("2d");
      some.forEach((m, i) => context.drawImage(m.sheet, 0, m.row * height, width, height, 0, i * height, width, height));
      return { request, steps: some.map((m) => m.numbers), png: canvas.toDataURL("image/png").split(",")[1] };
    },
    halt() {
      unlock();
      if (moments.length) goTo(moments.length - 1);
    },
    // The live frames of the run stay between the steps that its last message keeps.
    finish(message, sheet) {
      adopt(message);
      const kept = new Map((fresh ? [] : moments).map((moment) => [moment.numbers.nfe, moment]));
      message.steps.forEach((numbers, row) => kept.set(numbers.nfe, { numbers, sheet, row }));
      moments = [...kept.values()].sort((a, b) => a.numbers.nfe - b.numbers.nfe);
      fresh = false;
      unlock();
      trace();
      goTo(moments.length - 1);
    },
    // What is on screen, for the parts of the page that say more about it; null before the first picture.
    shown: () => shown && { header, order, numbers: shown.numbers, index: moments.indexOf(shown) },
    // The names of both samplers as they are drawn, each with its N.
    drawn() {
      const names = header && namesOf({ right: "", left: "vanilla", ...header.request });
      return names && facing(names).map((name) => withCount(name, header.request.num_steps));
    },
    // Draws each sampler in the other panel, or in its own again.
    swap(exchanged) {
      order = exchanged ? [1, 0] : [0, 1];
      if (!shown) return;
      nameKey();
      trace();
      show(shown);
    },
  };
}
