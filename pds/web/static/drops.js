/**
 * The files that were dropped on the page, without folders; without files, what was dropped instead.
 * @param {DataTransfer} transfer
 * @returns {{ files: File[], instead?: "folder" | "address" | "text" }}
 */
export function droppedFiles({ items, types }) {
  const given = [...items].filter((item) => item.kind === "file");
  const isFolder = (/** @type {DataTransferItem} */ item) => item.webkitGetAsEntry?.()?.isDirectory;
  const files = given.filter((item) => !isFolder(item)).map((item) => /** @type {File} */ (item.getAsFile()));
  if (files.length) return { files };
  if (given.length) return { files, instead: "folder" };
  return { files, instead: types.some((type) => type !== "text/plain") ? "address" : "text" };
}
