// Figures that are dragged: a click or a drag in a figure moves the sliders of its step.

// By step: the axes that a drag follows, where the chosen values stand, and the values of a point.
const DRAGGED = {
  octaves: {
    axes: "y",
    at: ({ sigma }) => [null, sigma],
    to: (_, sigma) => ({ sigma }),
  },
  controls: {
    axes: "x",
    at: ({ num_steps }) => [num_steps, null],
    to: (num_steps) => ({ num_steps }),
  },
  map: {
    axes: "xy",
    at: ({ num_steps, alpha }) => [num_steps, alpha - 1],
    to: (num_steps, strength) => ({ num_steps, alpha: strength + 1 }),
  },
  clocks: {
    axes: "x",
    at: ({ iteration }) => [iteration, null],
    to: (iteration) => ({ iteration }),
  },
};

const SLACK = 6; // pixels that a finger moves before it says where to

const within = (value, length) => Math.min(Math.max(value, 0), length);

// The stop of a slider that is nearest to a value, in the logarithm; without stops the value itself.
function nearestStop({ dataset: { stops, origin = 0 } }, value) {
  if (!stops) return value;
  const list = stops.split(" ").map(Number);
  const away = (stop) => Math.abs(Math.log((stop - origin) / (Math.max(value, list[0]) - origin)));
  return list.reduce((best, stop) => (away(stop) < away(best) ? stop : best));
}

export function makeDraggable(section, { controls, refresh }) {
  const name = section.dataset.step;
  const { axes, at, to } = DRAGGED[name];
  const node = section.querySelector(`[data-plot="${name}"]`);
  const grip = Object.assign(document.createElement("i"), { className: "pds-grip" });
  let dragging = null; // the pointer that does
  let touched = null; // where a finger began that may yet scroll the page
  node.dataset.drag = axes;
  node.setAttribute("aria-description", "The sliders do the same as a drag in the figure");

  // Where the grip stands: on what is chosen, and at the end of a line.
  function place() {
    const { xaxis, yaxis } = node._fullLayout;
    const [x, y] = at(controls.read());
    const left = x === null ? xaxis._length - 22 : within(xaxis.d2p(x), xaxis._length);
    const top = y === null ? yaxis._length - 22 : within(yaxis.d2p(y), yaxis._length);
    grip.style.translate = `${xaxis._offset + left}px ${yaxis._offset + top}px`;
  }

  function follow({ clientX, clientY }) {
    const { xaxis, yaxis } = node._fullLayout;
    const { left, top } = node.getBoundingClientRect();
    const x = xaxis.p2d(within(clientX - left - xaxis._offset, xaxis._length));
    const y = yaxis.p2d(within(clientY - top - yaxis._offset, yaxis._length));
    const before = JSON.stringify(controls.read());
    for (const [control, value] of Object.entries(to(x, y))) {
      controls.write(control, nearestStop(section.querySelector(`.pds-answer [name=${control}]`), value));
    }
    place();
    if (JSON.stringify(controls.read()) !== before) refresh();
  }

  function isInside({ clientX, clientY, target }) {
    if (target === grip) return true;
    const { xaxis, yaxis } = node._fullLayout;
    const { left, top } = node.getBoundingClientRect();
    const [x, y] = [clientX - left - xaxis._offset, clientY - top - yaxis._offset];
    return x >= 0 && x <= xaxis._length && y >= 0 && y <= yaxis._length;
  }

  // A finger may be about to scroll the page: it drags once it moves sideways, and chooses as it lifts.
  node.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !grip.isConnected || !isInside(event)) return;
    dragging = event.pointerId;
    touched = event.pointerType === "touch" && event.target !== grip ? event : null;
    if (touched) return;
    node.setPointerCapture(dragging);
    follow(event);
  });
  node.addEventListener("pointermove", (event) => {
    if (event.pointerId !== dragging) return;
    if (!touched) return follow(event);
    const [across, down] = [event.clientX - touched.clientX, event.clientY - touched.clientY].map(Math.abs);
    if (Math.max(across, down) < SLACK) return;
    if (down > across) dragging = null;
    touched = null;
  });
  node.addEventListener("pointerup", (event) => {
    if (event.pointerId === dragging) follow(event);
    dragging = null;
  });
  node.addEventListener("pointercancel", () => (dragging = null));

  return {
    accept() {
      if (!grip.isConnected) {
        node.append(grip);
        node.on("plotly_afterplot", place);
      }
      place();
    },
  };
}

// The octaves of a picture, which are as many as its size has; those below the noise are marked.
export function makeOctaves(section, context) {
  const handle = makeDraggable(section, context);
  const figures = [...section.querySelectorAll(".pds-octaves figure")];
  return {
    accept(answer) {
      handle.accept();
      figures.forEach((figure, j) => {
        figure.hidden = j >= answer.drowned.length;
        figure.classList.toggle("drowned", answer.drowned[j] === true);
      });
    },
  };
}
