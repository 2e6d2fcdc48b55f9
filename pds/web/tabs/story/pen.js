// What a plane is handled with: handles that are dragged, and a pen that draws a density.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

// A handle in a box: `moveTo(point)` is told where it is dragged, `nudge([dx, dy])` of arrow keys.
// Its value lies between `ends`; `place` puts it on a point, with its value as text.
export function makeHandle(box, plane, { kind, label, sign = "", ends, moveTo, nudge }) {
  const node = document.createElement("div");
  Object.assign(node, { className: `pds-handle ${kind}`, tabIndex: 0, title: label });
  node.setAttribute("role", "slider");
  node.setAttribute("aria-label", label);
  ["aria-valuemin", "aria-valuemax"].forEach((name, i) => node.setAttribute(name, ends[i]));
  node.append(Object.assign(document.createElement("span"), { textContent: sign }));
  box.append(node);
  let grip = null; // from the handle's point to where it was taken hold of
  let here = [0, 0];

  node.addEventListener("pointerdown", (event) => {
    if (event.button || node.getAttribute("aria-disabled") === "true") return;
    event.preventDefault();
    node.focus({ preventScroll: true });
    node.setPointerCapture(event.pointerId);
    const [x, y] = plane.under(event);
    grip = [here[0] - x, here[1] - y];
  });
  node.addEventListener("pointermove", (event) => {
    if (!grip) return;
    const [x, y] = plane.under(event);
    moveTo([x + grip[0], y + grip[1]]);
  });
  for (const end of ["pointerup", "pointercancel"]) node.addEventListener(end, () => (grip = null));
  node.addEventListener("keydown", (event) => {
    if (!(event.key in ARROWS) || node.getAttribute("aria-disabled") === "true") return;
    event.preventDefault();
    nudge(ARROWS[event.key].map((d) => d * (event.shiftKey ? 5 : 1)));
  });
  return {
    node,
    place(point, value, text) {
      here = plane.inside(point);
      const [left, top] = plane.pixels(here);
      Object.assign(node.style, { left: `${left}px`, top: `${top}px` });
      node.setAttribute("aria-valuenow", value);
      node.setAttribute("aria-valuetext", text);
    },
  };
}

export const POINT_STEP = 0.05; // of an arrow key
export const near = ([a, b], [c, d]) => Math.hypot(a - c, b - d);

// Points at even distances along strokes, at most `most` of them and none nearer than the pen's width.
export function resampled(strokes, most, width) {
  const lengths = strokes.map((points) => points.slice(1).reduce((sum, p, i) => sum + near(p, points[i]), 0));
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const gap = Math.max(width, total / Math.max(1, most - strokes.length));
  const kept = strokes.flatMap((points) => {
    const out = [points[0]];
    let left = gap;
    for (let i = 1; i < points.length; i++) {
      const length = near(points[i], points[i - 1]);
      for (; left <= length; left += gap) {
        const [from, to, share] = [points[i - 1], points[i], left / length];
        out.push(from.map((at, axis) => at + share * (to[axis] - at)));
      }
      left -= length;
    }
    return out;
  });
  const count = Math.min(most, kept.length);
  const chosen = Array.from({ length: count }, (_, i) => kept[Math.floor((i * kept.length) / count)]);
  return chosen.map((point) => point.map((value) => Number(value.toFixed(2))));
}

// A pen on a box. `onChange()` is told while it draws, `onStroke()` when a stroke is done.
export function makePen(box, plane, { onChange, onStroke }) {
  let strokes = [];
  let drawing = false;
  let down = false;
  let tip = [0, 0];

  box.addEventListener("pointerdown", (event) => {
    if (!drawing || event.button) return;
    event.preventDefault();
    box.focus({ preventScroll: true });
    box.setPointerCapture(event.pointerId);
    down = true;
    strokes.push([plane.inside(plane.under(event))]);
    onChange();
  });
  box.addEventListener("pointermove", (event) => {
    if (!down) return;
    const stroke = strokes.at(-1);
    const point = plane.inside(plane.under(event));
    if (near(point, stroke.at(-1)) > 0.03) stroke.push(point);
    onChange();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    box.addEventListener(end, () => {
      if (down) onStroke();
      down = false;
    });
  }
  box.addEventListener("keydown", (event) => {
    if (!drawing || event.target !== box) return;
    if (event.key === " ") {
      strokes.push([tip]);
      onStroke();
    } else if (event.key in ARROWS) {
      const far = event.shiftKey ? 0.5 : 0.1;
      tip = plane.inside(tip.map((at, axis) => at + far * ARROWS[event.key][axis]));
    } else return;
    event.preventDefault();
    onChange();
  });
  box.addEventListener("focus", onChange);
  box.addEventListener("blur", onChange);

  return {
    on: () => drawing,
    strokes: () => strokes,
    write: (given) => (strokes = [...given]),
    tip: () => (drawing && document.activeElement === box ? tip : null),
    turn(on) {
      drawing = on;
      box.classList.toggle("drawing", on);
      if (on) {
        box.tabIndex = 0;
        box.setAttribute("role", "application");
        box.setAttribute("aria-label", "Plane to draw on: arrow keys move the pen, Space sets a dot");
      } else {
        for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
      }
    },
  };
}
