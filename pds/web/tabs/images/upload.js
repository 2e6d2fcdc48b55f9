// Picture files for one request: small ones leave the browser as they are, large ones shrunk.

import { asBase64 } from "../../static/server.js";

const ONLY_BROWSERS = /\.(hei[cf]s?|jxl)$/i; // some browsers read them, the server does not
const NAME_LENGTH = 100;
const NAME_BYTES = 700; // of a name of this length and what is around it in the request

/** Whether a file must be decoded here. @param {string} name */
function isForBrowsers(name) {
  return ONLY_BROWSERS.test(name);
}

/**
 * Divides the bytes of a request among pictures.
 * @param {{ name: string, size: number }[]} pictures
 * @param {number} bytes of the request
 * @returns {{ even: number, room: number }} even: bytes of each picture; room: the largest file that is
 *   sent as it is
 */
export function divide(pictures, bytes) {
  let left = bytes - NAME_BYTES * pictures.length;
  const even = Math.floor(left / pictures.length);
  const needed = pictures.map(({ name, size }) => (isForBrowsers(name) ? even : size));
  for (const [i, size] of needed.sort((a, b) => a - b).entries()) {
    const share = Math.floor(left / (pictures.length - i));
    if (size > share) return { even, room: share };
    left -= size;
  }
  return { even, room: Infinity };
}

/**
 * The side to which a large picture is shrunk: a multiple of the model's, which the server shrinks
 * further, if a PNG of it, about three bytes a pixel at most, is small enough.
 * @param {number} side of the model's images
 * @param {number} bytes for the picture
 */
export function sentSide(side, bytes) {
  return [4 * side, 2 * side].find((larger) => 3.1 * larger * larger + 1000 < bytes) ?? side;
}

/**
 * A square from the middle as a PNG, shrunk by halves so that no pixel is skipped.
 * @param {Blob} picture
 * @param {number} side
 */
async function shrink(picture, side) {
  const bitmap = await createImageBitmap(picture, { colorSpaceConversion: "none" });
  let square = Math.min(bitmap.width, bitmap.height);
  const last = Math.min(side, square);
  /** @type {ImageBitmap | OffscreenCanvas} */
  let source = bitmap;
  let [left, top] = [(bitmap.width - square) / 2, (bitmap.height - square) / 2];
  for (;;) {
    const next = square > 2 * last ? Math.ceil(square / 2) : last;
    const canvas = new OffscreenCanvas(next, next);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    Object.assign(context, { imageSmoothingEnabled: true, imageSmoothingQuality: "high", fillStyle: "white" });
    context.fillRect(0, 0, next, next);
    context.drawImage(source, left, top, square, square, 0, 0, next, next);
    if (next === last) {
      bitmap.close();
      return canvas.convertToBlob({ type: "image/png" });
    }
    [source, left, top, square] = [canvas, 0, 0, next];
  }
}

// Browsers do not turn a WebP by its EXIF, and the server cannot once it is shrunk.
async function isWebpWithExif(/** @type {Blob} */ picture) {
  const head = new Uint8Array(await picture.slice(0, 21).arrayBuffer());
  return new TextDecoder("latin1").decode(head.subarray(8, 16)) === "WEBPVP8X" && (head[20] & 8) !== 0;
}

/**
 * The file as it is, or a shrunk PNG; null if neither is possible.
 * @param {File} picture
 * @param {number} side of the model's images
 * @param {{ even: number, room: number }} share
 */
async function fitted(picture, side, { even, room }) {
  if (picture.size <= room && !isForBrowsers(picture.name)) return picture;
  if (await isWebpWithExif(picture)) return null;
  try {
    return await shrink(picture, sentSide(side, even));
  } catch {
    return picture.size <= room ? picture : null;
  }
}

/**
 * The files of a request, and sentences about pictures that are not in it.
 * @param {File[]} chosen
 * @param {object} options
 * @param {number} options.side of the model's images
 * @param {number} options.most pictures of a request
 * @param {number} options.bytes of a request
 * @param {(done: number, all: number) => void} onProgress called before each picture
 */
export async function prepare(chosen, { side, most, bytes }, onProgress) {
  const pictures = chosen.slice(0, most);
  const share = divide(pictures, bytes);
  /** @type {{ name: string, content: string }[]} */
  const files = [];
  /** @type {string[]} */
  const refused = [];
  for (const [i, picture] of pictures.entries()) {
    onProgress(i, pictures.length);
    const sent = await fitted(picture, side, share);
    if (sent) files.push({ name: picture.name.slice(-NAME_LENGTH), content: await asBase64(sent) });
    else refused.push(picture.name);
  }
  const sentences = [];
  if (chosen.length > most) sentences.push(`The first ${most} of ${chosen.length} were used.`);
  if (refused.length) {
    const names = refused.slice(0, 5).join(", ") + (refused.length > 5 ? " and more" : "");
    sentences.push(`Too large to send as they are, and this browser cannot shrink them: ${names}.`);
  }
  return { files, sentences };
}
