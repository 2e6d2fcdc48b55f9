// Text for other programs.

/**
 * Puts text into the clipboard, and returns whether that was allowed. Safari copies only what was
 * promised at the moment of the click.
 * @param {Promise<string>} text
 */
export async function copyText(text) {
  const blob = text.then((content) => new Blob([content], { type: "text/plain" }));
  blob.catch(() => {});
  try {
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
    return true;
  } catch {
    return false;
  }
}
