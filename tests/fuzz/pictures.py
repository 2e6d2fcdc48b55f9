"""Picture files with damaged metadata: python -m tests.fuzz.pictures --cases 10000 [--seed 0].

A mutant changes the EXIF of a JPEG, PNG or WebP, the chunks of a PNG, the tags of a TIFF, or any
bytes of a file. It must be decoded or refused in one sentence, in bounded time. Where only its
metadata are damaged, the pixels must be those of the picture, turned as an independent reading of
the tag says.
"""

import argparse
import io
import random
import signal
import struct
import sys
import time
import zlib
from contextlib import contextmanager
from functools import cache

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pds.files.decoding import Fit, decode
from pds.files.rasters import Budget
from pds.files.unread import Remedies, Skipped, Unread, describe_skipped

SIDE = 12
PATIENCE = 10
"""Seconds after which a decoder hangs."""
SIGNATURE = b"\x89PNG\r\n\x1a\n"
TYPES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Bytes of the values of TIFF tags by their type."""
TIFF_PIXELS = {254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 317, 320, 322, 323}
TIFF_PIXELS |= {324, 325, 338, 339, 347, 530, 532}
"""Tags that say how the pixels of a TIFF are stored, or turned."""
CHUNKS = "tRNS PLTE gAMA cHRM sRGB iCCP sBIT bKGD pHYs tEXt zTXt iTXt tIME eXIf acTL fcTL fdAT abcD"
CHUNKS = CHUNKS.split()
FIT = Fit(SIDE, enlarge=True)


class Hang(BaseException):
    """A decoder took longer than `PATIENCE`."""


@contextmanager
def patience():
    """Raise `Hang` if the body takes too long."""

    def give_up(*_):
        raise Hang

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def picture(depth=8):
    """An image whose eight orientations differ."""
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    values = np.stack([rows, columns, rows * columns], -1) * (2**depth - 1)
    return values.astype(np.uint8 if depth == 8 else np.uint16)


def exif(orientation, *, big=False):
    """An EXIF block with an IFD of its own, GPS and several types of tags."""
    block = Image.Exif()
    block.endian = ">" if big else "<"
    block[0x0112] = orientation
    block[0x010F], block[0x0131] = "maker", "a program with a longer name"
    block[0x011A], block[0x0128] = 72.0, 2
    block.get_ifd(0x8769).update({0x829A: 0.01, 0x9003: "2020:01:01 00:00:00", 0x927C: b"notes"})
    block.get_ifd(0x8825).update({1: "N", 2: (1.0, 2.0, 3.0)})
    return block.tobytes()


def encoded(kind, **options):
    buffer = io.BytesIO()
    Image.fromarray(options.pop("pixels", picture())).save(buffer, kind, **options)
    return buffer.getvalue()


@cache
def sources():
    """Good files by the kind of their mutants: (content, the EXIF block in it)."""
    jpeg, blocks = [], [exif(o, big=big) for o in (1, 3, 6, 7) for big in (False, True)]
    for block in blocks:
        options = {"exif": block}
        jpeg.append((encoded("JPEG", quality=95, **options), block))
        jpeg.append((encoded("WEBP", lossless=True, **options), block.removeprefix(b"Exif\0\0")))
    text = PngInfo()
    text.add_text("a", "text")
    text.add_itxt("b", "more", zip=True)
    more = {"pnginfo": text, "icc_profile": b"profile" * 20, "dpi": (72, 72)}
    png = [
        (encoded("PNG", exif=block, **more), block.removeprefix(b"Exif\0\0")) for block in blocks
    ]
    gray = picture(16)[..., 2]
    png += [(encoded("PNG", pixels=gray, exif=blocks[4]), blocks[4].removeprefix(b"Exif\0\0"))]
    png += [(encoded("PNG", pixels=picture()[..., 2], transparency=9), b"")]
    tiff = []
    for orientation in (1, 3, 6, 7):
        tags = {274: orientation, 270: "words", 282: 72.0, 305: "a program"}
        for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits"):
            tiff.append((encoded("TIFF", tiffinfo=tags, compression=compression), b""))
        tiff.append((encoded("TIFF", pixels=gray, tiffinfo=tags), b""))
    others = [(encoded(kind), b"") for kind in ("GIF", "BMP", "PPM", "JPEG2000", "AVIF")]
    return {
        "exif": jpeg + png[:-1],
        "chunks": png,
        "tags": tiff,
        "bytes": jpeg + png + tiff + others,
    }


def bytes_changed(rng, content, most=8):
    content = bytearray(content)
    for _ in range(rng.randint(1, most)):
        at = rng.randrange(max(1, len(content)))
        kind = rng.random()
        if kind < 0.6 and content:
            content[at] = rng.choice([rng.randrange(256), 0, 255, content[at] ^ 1])
        elif kind < 0.8:
            size = rng.choice([2, 4])
            content[at : at + size] = rng.choice(
                [b"\xff" * size, b"\0" * size, b"\x7f" + b"\xff" * 3]
            )
        elif kind < 0.9:
            del content[at : at + rng.randint(1, 9)]
        else:
            content = content[:at] or content
    return bytes(content)


def with_exif(content, old, new):
    """Replace the EXIF block of a file, with the lengths and the checksum around it."""
    if content.startswith(b"\xff\xd8"):
        at = content.index(old)
        size = struct.pack(">H", len(new) + 2)
        return content[: at - 2] + size + new + content[at + len(old) :]
    if content.startswith(b"RIFF"):
        at = content.index(b"EXIF")
        end = at + 8 + len(old) + len(old) % 2
        chunk = b"EXIF" + struct.pack("<I", len(new)) + new + b"\0" * (len(new) % 2)
        whole = content[:at] + chunk + content[end:]
        return whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:]
    changed = [(k, new if k == b"eXIf" else body) for k, body in chunks(content)]
    return joined(changed)


def chunks(content):
    """The chunks of a PNG."""
    at, found = len(SIGNATURE), []
    while at < len(content):
        (size,) = struct.unpack_from(">I", content, at)
        found.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + size]))
        at += size + 12
    return found


def joined(parts):
    whole = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    ]
    return SIGNATURE + b"".join(whole)


def chunks_changed(rng, content):
    """Change, repeat, remove, move or add chunks beside those of the pixels."""
    parts = chunks(content)
    for _ in range(rng.randint(1, 4)):
        beside = [i for i, (k, _) in enumerate(parts) if k not in (b"IHDR", b"IDAT", b"IEND")]
        body = rng.randbytes(rng.choice([0, 1, 2, 4, 6, 9, 26, 40, 256, 768]))
        new = (rng.choice(CHUNKS).encode(), body)
        kind = rng.random()
        at = rng.choice(beside) if beside else 0
        if kind < 0.4 or not beside:
            parts.insert(rng.randrange(1, len(parts)), new)
        elif kind < 0.7 and parts[at][1]:
            parts[at] = (parts[at][0], bytes_changed(rng, parts[at][1]))
        elif kind < 0.85:
            parts.insert(rng.randrange(1, len(parts)), parts[at])
        else:
            del parts[at]
    return joined(parts)


def tags_changed(rng, content):
    """Change type, count or value of tags of a TIFF that do not concern its pixels, or add some."""
    order = "<" if content[:2] == b"II" else ">"
    (start,) = struct.unpack_from(order + "I", content, 4)
    (count,) = struct.unpack_from(order + "H", content, start)
    entries = [content[start + 2 + 12 * i : start + 14 + 12 * i] for i in range(count)]
    changed = []
    for entry in entries:
        (tag,) = struct.unpack_from(order + "H", entry)
        if tag not in TIFF_PIXELS and rng.random() < 0.5:
            entry = entry[:2] + bytes_changed(rng, entry[2:], 3)[:10].ljust(10, b"\0")
        changed.append(entry)
    for _ in range(rng.randint(0, 3)):
        tag = rng.choice([34665, 34853, 40965, 700, 33723, 34377, 34675, 37724, 50341, 51000, 270])
        kind, size = rng.choice([*TYPES, 0, 99]), rng.choice([0, 1, 2, 9, 2**16, 2**31, 2**32 - 1])
        value = rng.choice([0, 8, start, len(content), rng.randrange(2**32)])
        changed.append(struct.pack(order + "HHII", tag, kind, size, value))
    directory = struct.pack(order + "H", len(changed)) + b"".join(changed) + b"\0" * 4
    return content[:4] + struct.pack(order + "I", len(content)) + content[8:] + directory


def orientations(block):
    """The orientations that an EXIF block or a TIFF may mean; 1 where it is damaged."""
    block = block.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    found = set()
    try:
        if order is None:
            return {1}
        start = struct.unpack_from(order + "I", block, 4)[0]
        for i in range(struct.unpack_from(order + "H", block, start)[0]):
            tag, kind, count = struct.unpack_from(order + "HHI", block, start + 2 + 12 * i)
            (value,) = struct.unpack_from(order + "H", block, start + 10 + 12 * i)
            if tag == 274:
                found.add(value if kind == 3 and count == 1 and 1 <= value <= 8 else 1)
    except struct.error:
        pass
    if block[2:4] not in (b"*\0", b"\0*"):
        found.add(1)
    return found or {1}


TURNS = {
    1: lambda x: x,
    2: lambda x: x[:, :, ::-1],
    3: lambda x: x[:, ::-1, ::-1],
    4: lambda x: x[:, ::-1],
    5: lambda x: x.transpose(0, 2, 1),
    6: lambda x: np.rot90(x, -1, (1, 2)),
    7: lambda x: np.rot90(x[:, ::-1], 1, (1, 2)),
    8: lambda x: np.rot90(x, 1, (1, 2)),
}
"""From stored pixels (C, H, W) to upright ones."""


def plain(content):
    """The stored pixels of a good file, (3, H, W) in [0, 1]."""
    with Image.open(io.BytesIO(content)) as image:
        deep = image.mode.startswith("I")
        if image.format == "TIFF":
            pixels = picture(16)[..., 2] if deep else picture()
        else:
            pixels = np.asarray(image if deep else image.convert("RGB"))
    pixels = pixels.astype(np.float32) / (65535 if deep else 255)
    return np.stack([pixels] * 3) if deep else pixels.transpose(2, 0, 1)


def mutant(number, seed=0):
    """A damaged file, its kind, and the pixels that it may have; None for any."""
    rng = random.Random(f"{seed} {number}")
    kind = rng.choice(["exif", "exif", "chunks", "tags", "bytes"])
    content, block = rng.choice(sources()[kind])
    if kind == "bytes":
        return bytes_changed(rng, content), kind, None
    if kind == "exif":
        new = bytes_changed(rng, block)
        changed, allowed = with_exif(content, block, new), orientations(new)
    elif kind == "chunks":
        return chunks_changed(rng, content), kind, None
    else:
        changed = tags_changed(rng, content)
        allowed = orientations(changed)
    stored = plain(content)
    return changed, kind, [TURNS[o](stored) for o in allowed]


def fault(number, seed=0):
    """What is wrong with the outcome of a mutant, "" if nothing is."""
    content, kind, allowed = mutant(number, seed)
    name = f"mutant {number} ({kind}, {content[:4]!r})"
    try:
        with patience():
            pixels = decode(io.BytesIO(content), "a", FIT, Budget(1_000_000))
    except Unread as unread:
        (sentence,) = describe_skipped([Skipped(name, unread.reason, unread.detail)], Remedies())
        if kind == "exif":
            return f"{name} has only its EXIF damaged, and was refused: {sentence}"
        return "" if len(sentence.splitlines()) == 1 else f"{name}: {sentence!r}"
    except Hang:
        return f"{name} took over {PATIENCE} seconds"
    except BaseException as error:
        return f"{name} raised {type(error).__name__}: {error}"
    if pixels.shape != (3, SIDE, SIDE) or not (pixels.min() >= 0 and pixels.max() <= 1):
        return f"{name} gave no pixels in [0, 1]"
    if allowed is not None and not any(np.allclose(pixels, p, atol=1e-6) for p in allowed):
        return f"{name} is turned wrongly, or has other pixels"
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    start = time.monotonic()
    numbers = range(args.first, args.first + args.cases)
    faults = [found for number in numbers if (found := fault(number, args.seed))]
    print(*faults, sep="\n")
    print(f"{args.cases} mutants in {time.monotonic() - start:.0f} s, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
