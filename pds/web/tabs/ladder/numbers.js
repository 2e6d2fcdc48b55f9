// The numbers of a sheet as a table, and what is taken away of it: files, the table, the command.

// Whether most of a cell's picture is lost.
function isLost({ outside }, row) {
  return outside[row] === null || outside[row] > props.setup.lost;
}

function grainOf({ own }, column, row) {
  if (isLost(column, row)) return "diverged";
  return own ? relative(column.grain.network[row]) : share(column.grain.pixels[row]);
}

function contrastOf(_, column, row) {
  const value = column.contrast.network[row];
  return value === null || isLost(column, row) ? "–" : relative(value);
}

const MEASURES = {
  Grain: grainOf,
  Contrast: contrastOf,
  "Network calls": (_, { calls }, row) => calls[row].toLocaleString("en-US"),
};

// What a row is called, and its name below where that says more.
function rowHeader(title, name) {
  const header = document.createElement("th");
  header.scope = "row";
  header.textContent = title;
  if (name.toLowerCase() !== title.toLowerCase() && !title.includes(`(${name})`)) {
    header.append(" ", Object.assign(document.createElement("small"), { textContent: name }));
  }
  return header;
}

function columnHeaders(row, counts) {
  row.insertCell().textContent = "N";
  for (const n of counts) {
    row.append(Object.assign(document.createElement("th"), { scope: "col", textContent: n.toLocaleString("en-US") }));
  }
}

function makeNumbers(section, { limits }) {
  const table = section.querySelector("table");
  const note = section.querySelector(".pds-note");
  const status = section.querySelector("[role=status]");
  let shown = null;

  function fill({ sheet, titles, own, columns }) {
    const relativeTo = own ? `Grain and contrast relative to ${own}: 1 is like them.` : "Grain as a share of the range from black to white.";
    table.replaceChildren();
    note.textContent = `${relativeTo} Network calls are for each image.`;
    columnHeaders(table.createTHead().insertRow(), columns.map(({ num_steps }) => num_steps));
    for (const [measure, text] of Object.entries(MEASURES)) {
      const body = table.createTBody();
      const group = Object.assign(document.createElement("th"), { scope: "rowgroup", textContent: measure });
      group.colSpan = columns.length + 1;
      body.insertRow().append(group);
      sheet.samplers.forEach((name, row) => {
        const line = body.insertRow();
        line.append(rowHeader(titles[row], name));
        for (const column of columns) line.insertCell().textContent = text({ own }, column, row);
      });
    }
  }

  async function file(kind) {
    const pictured = kind === "png";
    const columns = shown.columns.map(({ pictures, ...numbers }) => (pictured ? { ...numbers, pictures } : numbers));
    const size = pictured ? columns.reduce((sum, { pictures }) => sum + pictures.join("").length, 0) : 0;
    if (size > limits.characters) return { error: "This sheet is too large to be sent back for one PNG; its command draws it." };
    return answered(server.sheet_file({ ...shown.sheet, kind, columns }));
  }

  async function save(kind) {
    status.textContent = "Making the file…";
    const answer = await file(kind);
    status.textContent = answer.error ?? `Saved as ${answer.file}.`;
    if (!answer.error) download(answer.file, answer.content);
  }

  async function textOf(what) {
    if (what === "table") return [...table.rows].map((row) => [...row.cells].map((c) => c.textContent).join("\t")).join("\n");
    const answer = await file("sh");
    if (answer.error) throw new Error(answer.error);
    return atob(answer.content);
  }

  // Safari copies only what was promised at the moment of the click.
  async function copy(what) {
    const text = textOf(what);
    const blob = text.then((content) => new Blob([content], { type: "text/plain" }));
    blob.catch(() => {});
    const copied = Promise.resolve()
      .then(() => navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]))
      .then(() => true, () => false);
    try {
      const content = await text;
      const told = what === "table" ? "the table" : content;
      status.textContent = (await copied) ? `Copied ${told}` : `Select it and copy it: ${told}`;
    } catch ({ message }) {
      status.textContent = message;
    }
  }

  for (const button of section.querySelectorAll("[data-file]")) button.addEventListener("click", () => save(button.dataset.file));
  for (const button of section.querySelectorAll("[data-copy]")) button.addEventListener("click", () => copy(button.dataset.copy));

  // Shows the columns of a sheet that are drawn, none at its beginning.
  return (sheet) => {
    shown = sheet;
    section.hidden = !sheet.columns.length;
    status.textContent = "";
    if (sheet.columns.length) fill(sheet);
  };
}
