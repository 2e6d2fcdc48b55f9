// The texts in a PNG, wherever they stand in it; as pds/files/png_text.py reads them.

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const PNG_TEXTS = ["tEXt", "zTXt", "iTXt"];
const MAX_TEXT_BYTES = 1_000_000; // of a text, unpacked; a longer one is not read

/** @param {Uint8Array} bytes */
function checksum(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return ~crc >>> 0;
}

/** @param {Uint8Array} bytes */
export function latin1(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}

/**
 * UTF-8, which many programs write in every chunk, or else Latin-1.
 * @param {Uint8Array} bytes
 */
function decoded(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return latin1(bytes);
  }
}

/**
 * A zlib stream unpacked; empty if it is damaged or holds more than MAX_TEXT_BYTES.
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
async function inflated(bytes) {
  const parts = [];
  let size = 0;
  try {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    for (const reader = stream.getReader(); size <= MAX_TEXT_BYTES; ) {
      const { done, value } = await reader.read();
      if (done) return new Uint8Array(await new Blob(parts).arrayBuffer());
      parts.push(value);
      size += value.length;
      if (size > MAX_TEXT_BYTES) reader.cancel();
    }
  } catch {
    // damaged
  }
  return new Uint8Array();
}

/**
 * What is behind the first 0.
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
function behindZero(bytes) {
  const end = bytes.indexOf(0);
  return end < 0 ? new Uint8Array() : bytes.subarray(end + 1);
}

/**
 * Whether the text of a chunk is packed, by which method, and its bytes.
 * @param {string} kind
 * @param {Uint8Array<ArrayBuffer>} content what is behind its keyword
 */
function parts(kind, content) {
  if (kind === "zTXt") return { packed: true, method: content[0], text: content.subarray(1) };
  if (kind === "tEXt") return { packed: false, method: 0, text: content };
  // Two bytes of the compression, then language and translated keyword, each up to a 0.
  return { packed: content[0] === 1, method: content[1], text: behindZero(behindZero(content.subarray(2))) };
}

/**
 * The text of a chunk.
 * @param {string} kind
 * @param {Uint8Array<ArrayBuffer>} content what is behind its keyword
 */
async function textOf(kind, content) {
  const { packed, method, text } = parts(kind, content);
  if (packed) return method === 0 ? decoded(await inflated(text)) : "";
  return text.length <= MAX_TEXT_BYTES ? decoded(text) : "";
}

/**
 * The first text of a keyword; "" in a PNG without it; null in what is no PNG, or ends too early.
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {string} keyword
 */
export async function pngText(bytes, keyword) {
  if (PNG_SIGNATURE.some((byte, at) => bytes[at] !== byte)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 8 + view.getUint32(at);
    const kind = latin1(bytes.subarray(at + 4, at + 8));
    if (end + 4 > bytes.length) return null;
    if (kind === "IEND") return "";
    const content = bytes.subarray(at + 8, end);
    if (PNG_TEXTS.includes(kind) && latin1(content.subarray(0, keyword.length + 1)) === keyword + "\0") {
      const whole = view.getUint32(end) === checksum(bytes.subarray(at + 4, end));
      return whole ? await textOf(kind, content.subarray(keyword.length + 1)) : null;
    }
    at = end + 4;
  }
  return null;
}
