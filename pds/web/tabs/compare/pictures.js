// Pictures of a run: decoded from a sheet, arranged in a grid, painted into the canvas of a side.

export async function decode(png) {
  const file = await fetch("data:image/png;base64," + png); // decodes faster than atob, asks no server
  const options = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  return createImageBitmap(await file.blob(), options);
}

// Where the pictures of a side lie in its grid, in pixels of the pictures.
export function arrange({ width, height, request }) {
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

// Paints the pictures of a row of the sheet, `first` and those that follow it.
export function paint(canvas, sheet, row, first, header) {
  const { width, height } = header;
  const { across, down, places } = arrange(header);
  const step = fit(canvas, across, down);
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height); // a grid of this size may have had more pictures
  context.imageSmoothingEnabled = false;
  places.forEach(([x, y], i) => {
    const from = [(first + i) * width, row * height, width, height];
    context.drawImage(sheet, ...from, step * x, step * y, step * width, step * height);
  });
}
