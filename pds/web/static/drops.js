// What was dropped on the page: its files, without folders; or what was dropped instead of files.

export function droppedFiles({ items, types }) {
  const given = [...items].filter((item) => item.kind === "file");
  const files = given.filter((item) => !item.webkitGetAsEntry?.()?.isDirectory).map((item) => item.getAsFile());
  if (files.length) return { files };
  if (given.length) return { files, instead: "folder" };
  return { files, instead: types.some((type) => type !== "text/plain") ? "address" : "text" };
}
