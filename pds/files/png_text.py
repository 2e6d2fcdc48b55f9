"""The texts in a PNG, wherever they stand in it.

A PNG is a signature and then chunks, each with its length, type, content and checksum, from IHDR to
IEND. Programs that pass a picture on move its texts behind the pixels, compress them (zTXt), change
their encoding (iTXt), or append bytes to the file; all of that leaves the texts readable.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXTS = (b"tEXt", b"zTXt", b"iTXt")
"""Types of the chunks that hold a keyword and its text."""
MAX_TEXT_BYTES = 1_000_000
"""Bytes of a text, unpacked; a longer one is not read. Ours have a few hundred."""


def read(path: Path, keyword: str) -> str | None:
    """Return the text of a keyword in a PNG, the first one where there are several.

    Returns:
        "" if there is none or it cannot be read; None if the file is no PNG, or damaged, or ends
        before its last chunk does.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(SIGNATURE)) != SIGNATURE:
                return None
            chunks = list(_chunks(file))
    except OSError:
        return None
    types = [kind for kind, _ in chunks]
    if types[:1] != [b"IHDR"] or types[-1] != b"IEND" or b"IDAT" not in types:
        return None
    start = keyword.encode("latin-1") + b"\0"
    for kind, content in chunks:
        if kind in TEXTS and content.startswith(start):
            return _decode(_text(kind, content[len(start) :]))
    return ""


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and content of the chunks up to IEND, or up to damage; only texts have content."""
    size = os.fstat(file.fileno()).st_size
    kind = b""
    while kind != b"IEND":
        head = file.read(8)
        if len(head) < 8:
            return
        length, kind = struct.unpack(">I4s", head)
        if file.tell() + length + 4 > size:
            return
        content = file.read(length)
        if int.from_bytes(file.read(4), "big") != zlib.crc32(content, zlib.crc32(kind)):
            return
        yield kind, content if kind in TEXTS else b""


def _text(kind: bytes, content: bytes) -> bytes:
    """Return the text of a chunk, unpacked; empty if it is damaged or longer than the limit.

    Args:
        kind: of `TEXTS`.
        content: what is behind the keyword.
    """
    compressed = kind == b"zTXt"
    if kind == b"iTXt":
        # Two bytes of the compression, then language and translated keyword, each up to a 0.
        compressed = content[:1] == b"\1"
        behind = [*content[2:].split(b"\0", 2), b"", b""]
        content = content[1:2] + behind[2]
    if compressed:
        return _inflate(content[1:]) if content[:1] == b"\0" else b""
    text = content[1:] if kind == b"iTXt" else content
    return text if len(text) <= MAX_TEXT_BYTES else b""


def _inflate(packed: bytes) -> bytes:
    """Unpack a zlib stream; empty if it is damaged or holds more than `MAX_TEXT_BYTES`."""
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(packed, MAX_TEXT_BYTES + 1)
    except zlib.error:
        return b""
    whole = unpacker.eof and not unpacker.unused_data and len(text) <= MAX_TEXT_BYTES
    return text if whole else b""


def _decode(text: bytes) -> str:
    """Decode a text: UTF-8, which many programs write in every chunk, or else Latin-1."""
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError:
        return text.decode("latin-1")
