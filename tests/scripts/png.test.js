import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { crc32, deflateSync } from "node:zlib";

import { pngText } from "../../pds/web/tabs/compare/png.js";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

function chunk(kind, content) {
  const body = Buffer.concat([Buffer.from(kind, "latin1"), Buffer.from(content)]);
  const [length, crc] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(body.length - 4);
  crc.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, crc]);
}

const png = (...chunks) => new Uint8Array(Buffer.concat([SIGNATURE, ...chunks, chunk("IEND", [])]));
const text = (keyword, value) => chunk("tEXt", Buffer.from(`${keyword}\0${value}`));
const packed = (value) => Buffer.concat([Buffer.from("pds\0\0"), deflateSync(Buffer.from(value))]);
const international = (flag, content) => Buffer.concat([Buffer.from("pds\0"), Buffer.from([flag, 0]), Buffer.from("de\0\0"), content]);

describe("the text of a keyword", () => {
  const files = {
    tEXt: png(text("other", "no"), text("pds", "größer")),
    zTXt: png(chunk("zTXt", packed("größer"))),
    "iTXt, plain": png(chunk("iTXt", international(0, Buffer.from("größer")))),
    "iTXt, packed": png(chunk("iTXt", international(1, deflateSync(Buffer.from("größer"))))),
    "tEXt in Latin-1": png(chunk("tEXt", Buffer.from("pds\0größer", "latin1"))),
  };
  for (const [kind, file] of Object.entries(files)) {
    test(`is read from ${kind}`, async () => assert.equal(await pngText(file, "pds"), "größer"));
  }

  test("is the first one", async () => {
    assert.equal(await pngText(png(text("pds", "first"), text("pds", "second")), "pds"), "first");
  });

  test("is empty in a PNG without it, or with a longer keyword", async () => {
    assert.equal(await pngText(png(), "pds"), "");
    assert.equal(await pngText(png(text("pdsx", "no")), "pds"), "");
  });

  test("is empty if it is damaged, or unpacks to more than is read", async () => {
    const damaged = Buffer.from("pds\0\0nothing that zlib wrote");
    assert.equal(await pngText(png(chunk("zTXt", damaged)), "pds"), "");
    assert.equal(await pngText(png(chunk("zTXt", packed("x".repeat(1_000_001)))), "pds"), "");
  });
});

describe("there is no answer", () => {
  test("for what is no PNG", async () => assert.equal(await pngText(new Uint8Array(20), "pds"), null));

  test("for a file that ends too early", async () => {
    const file = png(text("pds", "whole"));
    for (const length of [20, file.length - 8]) assert.equal(await pngText(file.slice(0, length), "other"), null);
  });

  test("for a chunk whose checksum is wrong", async () => {
    const file = png(text("pds", "whole"));
    file[8 + 8 + 5] ^= 1; // a letter of the text
    assert.equal(await pngText(file, "pds"), null);
  });
});
