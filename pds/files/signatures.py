"""The kind of a file by its first bytes; its name only tells a camera's raw file from a TIFF."""

import codecs
from pathlib import PurePath

from PIL import features

from pds.files.unread import Reason, Unread

HEAD = 4096
"""Bytes that are enough to tell the kind of a file."""

CONVERT = "convert {it} to JPEG or PNG"
HEIC = Reason("HEIC file", advice=CONVERT)
RAW = Reason("camera RAW file", advice=CONVERT)
VIDEO = Reason("video file", advice="save frames of {it} as pictures")
ARCHIVE = Reason("archive", advice="unpack {it}")
TEXT = Reason("text file")
EMPTY = Reason("empty file", advice="copy {it} again")
ARRAY = Reason("array file", advice="pass {it} as the source")
UNKNOWN = Reason("file", " of an unknown kind")

_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"\0\0\0\x0cjP  ", "JPEG2000"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
"""Formats by Pillow's names."""

_OTHERS = (
    (b"%PDF", Reason("PDF file", advice="save {it} as JPEG or PNG")),
    (b"8BPS", Reason("Photoshop file", advice=CONVERT)),
    (b"gimp xcf", Reason("GIMP file", advice=CONVERT)),
    (b"%!PS", Reason("PostScript file", advice=CONVERT)),
    (b"\xc5\xd0\xd3\xc6", Reason("PostScript file", advice=CONVERT)),
    (b"\xff\x0a", Reason("JPEG XL file", advice=CONVERT)),
    (b"\0\0\0\x0cJXL ", Reason("JPEG XL file", advice=CONVERT)),
    (b"v/1\x01", Reason("OpenEXR file", advice=CONVERT)),
    (b"#?RADIANCE", Reason("Radiance HDR file", advice=CONVERT)),
    (b"#?RGBE", Reason("Radiance HDR file", advice=CONVERT)),
    (b"qoif", Reason("QOI file", advice=CONVERT)),
    (b"\0\0\1\0", Reason("icon file", advice=CONVERT)),
    (b"DDS ", Reason("DDS file", advice=CONVERT)),
    (b"SIMPLE  =", Reason("FITS file", advice=CONVERT)),
    (b"\x1aE\xdf\xa3", VIDEO),
    (b"\0\0\1\xba", VIDEO),
    (b"\0\0\1\xb3", VIDEO),
    (b"FLV\1", VIDEO),
    (b"0&\xb2u\x8ef\xcf\x11", VIDEO),
    (b"FUJIFILMCCD-RAW", RAW),
    (b"IIRO", RAW),
    (b"IIRS", RAW),
    (b"MMOR", RAW),
    (b"IIU\0", RAW),
    (b"FOVb", RAW),
    (b"\0MRM", RAW),
    (b"PK\3\4", ARCHIVE),
    (b"PK\5\6", ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", ARCHIVE),
    (b"Rar!", ARCHIVE),
    (b"\x1f\x8b", ARCHIVE),
    (b"BZh", ARCHIVE),
    (b"\xfd7zXZ", ARCHIVE),
    (b"\x93NUMPY", ARRAY),
    (b"\x89HDF", Reason("HDF5 file", advice="save its pictures as .npy")),
)

_RAW_SUFFIXES = {".nef", ".nrw", ".cr2", ".arw", ".srf", ".sr2", ".dng", ".pef", ".srw", ".erf"}
_RAW_SUFFIXES |= {".3fr", ".fff", ".iiq", ".mef", ".mos", ".dcr", ".kdc", ".rwl"}
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
_HEIC_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}


def picture_format(head: bytes, name: str) -> str:
    """Return Pillow's name of the format of a picture file.

    Args:
        head: the first `HEAD` bytes, or all of a shorter file.
        name: of the file.

    Raises:
        Unread: if it is of another kind.
    """
    found = _prefixed(head) or _by_structure(head)
    if found == "TIFF" and (head[8:10] == b"CR" or PurePath(name).suffix.lower() in _RAW_SUFFIXES):
        raise Unread(RAW)
    if found is None:
        raise Unread(_text_or_unknown(head))
    return found


def describe_file(head: bytes) -> str:
    """Return the kind of a file in a sentence, such as "a PNG image" or "an empty file"."""
    try:
        noun = f"{picture_format(head, '')} picture"
    except Unread as unread:
        noun = f"{unread.reason.noun}{unread.reason.rest}"
    return f"{'an' if noun[0].lower() in 'aeiou' else 'a'} {noun}"


def _prefixed(head: bytes) -> str | None:
    for prefix, found in _PICTURES:
        if head.startswith(prefix):
            return found
    for prefix, reason in _OTHERS:
        if head.startswith(prefix):
            raise Unread(reason)
    return None


def _by_structure(head: bytes) -> str | None:
    """Recognize formats whose first bytes alone say too little."""
    if head[:4] == b"RIFF":
        if head[8:12] == b"WEBP":
            return "WEBP"
        raise Unread(VIDEO if head[8:12] == b"AVI " else UNKNOWN)
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    if head[:1] == b"P" and head[1:2] in b"123456fF" and head[2:3].isspace():
        return "PPM"
    return None


def _by_brand(head: bytes) -> str:
    """Tell the formats apart that are stored in boxes."""
    major, listed = head[8:12], head[16 : min(int.from_bytes(head[:4], "big"), 256)]
    brands = {major} | {listed[i : i + 4] for i in range(0, len(listed) - 3, 4)}
    if major in _AVIF_BRANDS or (major in _HEIC_BRANDS and brands & _AVIF_BRANDS):
        if features.check("avif"):
            return "AVIF"
        raise Unread(Reason("AVIF file", advice=CONVERT))
    if major in _HEIC_BRANDS:
        raise Unread(HEIC)
    raise Unread(RAW if major == b"crx " else VIDEO)


def _text_or_unknown(head: bytes) -> Reason:
    if not head:
        return EMPTY
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return TEXT
    try:
        # The last character of a longer file may be cut.
        text = codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < HEAD)
    except UnicodeDecodeError:
        return UNKNOWN
    if "\0" in text:
        return UNKNOWN
    return Reason("SVG file", advice=CONVERT) if "<svg" in text else TEXT
