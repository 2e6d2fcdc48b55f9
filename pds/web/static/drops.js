// @ts-check

/**
 * The files that were dropped on the page, without folders; without files, what was dropped instead.
 * @param {DataTransfer} transfer
 * @returns {{ files: (File | null)[], instead?: "folder" | "address" | "text" }}
 */
export function droppedFiles({ items, types }) {
  const given = [...items].filter((item) => item.kind === "file");
  const files = given.filter((item) => !item.webkitGetAsEntry?.()?.isDirectory).map((item) => item.getAsFile());
  if (files.length) return { files };
  if (given.length) return { files, instead: "folder" };
  return { files, instead: types.some((type) => type !== "text/plain") ? "address" : "text" };
}
