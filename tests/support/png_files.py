"""A picture with its request, and its copies as other programs save them."""

import struct
import zlib

import numpy as np
from PIL import Image

from pds.files import pictures, png_text
from pds.jobs import request_text
from pds.request import Request

REQUEST = Request("field64", 7, 3.5, frequency=False, space=True, num_images=2, seed=11)
TEXT = request_text.to_record(REQUEST)

BOMB = zlib.compress(bytes(50_000_000), 1)


def chunk(kind, content):
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def picture():
    """A PNG of ours, and its chunks by type."""
    content = pictures.encode_png(np.arange(192, dtype=np.uint8).reshape(8, 8, 3), TEXT)
    chunks, at = {}, 8
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        chunks[content[at + 4 : at + 8]] = content[at : at + 12 + length]
        at += 12 + length
    return content, chunks


WHOLE, CHUNKS = picture()
HEAD, PIXELS, END = (CHUNKS[kind] for kind in (b"IHDR", b"IDAT", b"IEND"))


def with_text(*texts, behind=False):
    """Our picture with other chunks in place of its text."""
    middle = [PIXELS, *texts] if behind else [*texts, PIXELS]
    return png_text.SIGNATURE + HEAD + b"".join(middle) + END


def international(text, *, packed=False, language=b"en", translated="pds"):
    body = zlib.compress(text) if packed else text
    head = b"pds\0" + (b"\1\0" if packed else b"\0\0") + language
    return chunk(b"iTXt", head + b"\0" + translated.encode() + b"\0" + body)


def compressed(text, keyword=b"pds"):
    return chunk(b"zTXt", keyword + b"\0\0" + zlib.compress(text))


def plain(text, keyword=b"pds"):
    return chunk(b"tEXt", keyword + b"\0" + text)


OURS = TEXT.encode()
PASSED_ON = {
    "as it was": WHOLE,
    "15 bytes appended": WHOLE + b"0123456789abcde",
    "a megabyte appended": WHOLE + bytes(1_000_000),
    "a second PNG appended": WHOLE + with_text(plain(b"another")),
    "text behind the pixels": with_text(CHUNKS[b"tEXt"], behind=True),
    "compressed text": with_text(compressed(OURS)),
    "compressed text behind the pixels": with_text(compressed(OURS), behind=True),
    "international text": with_text(international(OURS)),
    "international text, compressed": with_text(international(OURS, packed=True)),
    "international text without language": with_text(international(OURS, language=b"")),
    "a translated keyword": with_text(international(OURS, translated="Schlüssel")),
    "texts of others around": with_text(
        plain(b"a screenshot", b"Comment"), compressed(b"GIMP", b"Software"), plain(OURS)
    ),
    "a chunk of its own kind": with_text(chunk(b"prVw", bytes(99)), plain(OURS)),
    "several chunks of pixels": with_text(plain(OURS), PIXELS),
    "the first of two": with_text(plain(OURS), plain(b"{}")),
    "a byte order mark": with_text(plain(b"\xef\xbb\xbf" + OURS)),
}
"""Files with the text unchanged."""


def saved_again(tmp_path, kind):
    with Image.open(tmp_path / "ours.png") as image:
        image.save(tmp_path / f"again.{kind}")
    return tmp_path / f"again.{kind}"
