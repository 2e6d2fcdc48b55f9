// Answers of the server, and files.

/**
 * A server function of a tab; most of them answer with an `Answer` (answers.js).
 * @typedef {(values: object) => Promise<any>} ServerFunction
 */

/**
 * What gradio passes to a tab's function `start`.
 * @template Setup
 * @typedef {object} Component
 * @property {HTMLElement} element
 * @property {{ setup: Setup, value?: string | null }} props value: the newest message of a run, as JSON
 * @property {Record<string, ServerFunction>} server by name
 * @property {(event: string, values?: object) => void} trigger
 * @property {(name: string, listener: () => void) => void} watch calls the listener when a prop changes
 */

/**
 * The answer of a request; where it is lost, an error in a sentence.
 * @param {any} promise
 */
export async function answered(promise) {
  const lost = { error: "The server did not answer. Is it still running?" };
  try {
    return (await promise) ?? lost;
  } catch {
    return lost;
  }
}

/**
 * Saves the file that an answer contains. Returns the answer, which may be an error instead.
 * @param {any} promise of {file, content} or {error}
 */
export async function saveAnswer(promise) {
  const answer = await answered(promise);
  if (!answer.error) download(answer.file, answer.content);
  return answer;
}

/**
 * Saves a file.
 * @param {string} name
 * @param {string} base64 its content
 */
export function download(name, base64) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes]));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000); // Safari reads it later
}

/**
 * The content of a file in base64.
 * @param {Blob} file
 */
export async function asBase64(file) {
  /** @type {string} */
  const url = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(/** @type {string} */ (reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
  return url.slice(url.indexOf(",") + 1);
}
