"""What kind of file a checkpoint is, by its content: names and suffixes are often wrong.

Only two kinds are read, safetensors and what torch.save writes. A download may be something else: a
web page, a pointer of Git LFS, an archive. Each such kind is named with what to do about it.
"""

import codecs
import os
import string
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal

HEAD = 4096
"""Bytes at the beginning of a file that tell its kind."""

MAX_HEADER = 100_000_000
"""Bytes of the longest header that safetensors allows."""

CHECKPOINT_SUFFIXES = (".pth", ".pt", ".ckpt", ".bin", ".safetensors")
"""Suffixes of weight files; the content decides how a file is read."""

ZIP_DAMAGE = (
    zipfile.BadZipFile,
    EOFError,
    OSError,
    LookupError,
    RuntimeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What zipfile raises for damaged archives, depending on where they are damaged."""

PICKLES = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))
"""Beginnings of pickles; files of torch.save before PyTorch 1.6 are such."""

AGAIN = "download or copy it again"
UNPACK = "unpack it and name the checkpoint inside"
TORCH_ONLY = "only PyTorch checkpoints are read, .pth or .safetensors"
EXPORT = "save the state_dict() of the network that it was made of"

MAGIC: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"\x1f\x8b", "a gzip archive", UNPACK),
    (0, b"BZh", "a bzip2 archive", UNPACK),
    (0, b"\xfd7zXZ\x00", "an xz archive", UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "a zstd archive", UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (0, b"Rar!", "a rar archive", UNPACK),
    (257, b"ustar", "a tar archive", UNPACK),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file, such as Keras writes", TORCH_ONLY),
    (0, b"\x93NUMPY", "an array of numpy", TORCH_ONLY),
    (0, b"GGUF", "a GGUF file of a language model", TORCH_ONLY),
    (0, b"ORBAX", "a checkpoint of JAX", TORCH_ONLY),
    (0, b"\x08\x01\x12", "a SavedModel of TensorFlow", TORCH_ONLY),
    (0, b"\x00\x05\x16\x07", "a file of macOS attributes", "name the file without ._ before it"),
    (0, b"\x89PNG\r\n", "a PNG image", TORCH_ONLY),
    (0, b"\xff\xd8\xff", "a JPEG image", TORCH_ONLY),
    (0, b"%PDF", "a PDF document", TORCH_ONLY),
)
"""Offset, bytes there, kind of file, and what to do about it."""


def kind_of(path: Path) -> Literal["safetensors", "torch"]:
    """Return how the file is to be read.

    Raises:
        FileNotFoundError: if there is no such file.
        OSError: if it cannot be opened.
        ValueError: if it is of another kind, which the message names, or ends too soon.
    """
    _require_file(path)
    head, size = _head(path)
    if not size:
        raise ValueError(f"{path} is damaged: it is an empty file; {AGAIN}")
    if _is_safetensors(head):
        return "safetensors"
    if head.startswith(b"PK"):
        _require_torch_zip(path, size)
        return "torch"
    if head[:2] in PICKLES:
        return "torch"
    what, advice = next(kind for find in KINDS if (kind := find(head, size)) is not None)
    raise ValueError(f"{path} is {what}; {advice}")


def _require_file(path: Path) -> None:
    if path.is_file():
        return
    if path.is_dir():
        raise ValueError(f"{path} is a folder; name one checkpoint file in it")
    if path.is_symlink():
        target = os.readlink(path)
        tool = ", with git annex get where git-annex keeps it" if "annex" in target else ""
        raise FileNotFoundError(
            f"no checkpoint at {path}: it is a link to {target}, which does not exist; get that "
            f"file first{tool}"
        )
    if path.suffix.lower() in CHECKPOINT_SUFFIXES:
        raise FileNotFoundError(f"no checkpoint at {path}; expected a .safetensors or .pth file")
    raise FileNotFoundError(
        "a checkpoint is a file such as .pth or .safetensors, a diffusers folder or a hub name "
        f"such as google/ncsnpp-church-256, got {path}, which does not exist"
    )


def _head(path: Path) -> tuple[bytes, int]:
    try:
        with path.open("rb") as file:
            return file.read(HEAD), path.stat().st_size
    except OSError as error:
        raise OSError(f"cannot read {path} ({error.strerror or error})") from None


def _is_safetensors(head: bytes) -> bool:
    length = int.from_bytes(head[:8], "little")
    return 2 <= length <= MAX_HEADER and head[8:9] == b"{"


def _require_torch_zip(path: Path, size: int) -> None:
    """Raise unless the zip archive is one of torch.save, complete."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except ZIP_DAMAGE:
        raise ValueError(
            f"{path} is damaged: it ends too soon, after {size:,} bytes, or its end is "
            f"overwritten; {AGAIN}"
        ) from None
    inner = {name.partition("/")[2] for name in names}
    weights = next(
        (name for name in names if Path(name).suffix.lower() in CHECKPOINT_SUFFIXES), None
    )
    if "constants.pkl" in inner:
        raise ValueError(f"{path} is a program of TorchScript, not weights by name; {EXPORT}")
    if "data.pkl" in inner:
        return
    if any(name.endswith(".npy") for name in names):
        raise ValueError(f"{path} is a .npz of numpy arrays, not a checkpoint; {TORCH_ONLY}")
    if any(name.endswith("weights.h5") for name in names):
        raise ValueError(f"{path} is a model of Keras, not a checkpoint; {TORCH_ONLY}")
    content = f"with {weights} in it" if weights else "without a checkpoint in it"
    raise ValueError(f"{path} is a zip archive {content}; {UNPACK if weights else TORCH_ONLY}")


def _magic(head: bytes, _size: int) -> tuple[str, str] | None:
    for offset, magic, what, advice in MAGIC:
        if head.startswith(magic, offset):
            return f"{what}, not a checkpoint", advice
    return None


def _pointer(head: bytes, size: int) -> tuple[str, str] | None:
    if head.startswith((b"version https://git-lfs", b"version https://hawser")):
        what = f"a Git LFS pointer of {size} bytes, not the checkpoint that it stands for"
        return what, "run git lfs pull in its repository, or download the file itself"
    if b"/annex/objects/" in head and size < HEAD:
        what = "a git-annex pointer, not the checkpoint that it stands for"
        return what, "run git annex get in its repository"
    return None


def _text(head: bytes, size: int) -> tuple[str, str] | None:
    """Recognize web pages, messages of servers, and other text."""
    words = _decoded(head)
    if words is None:
        return None
    start = words.lower()
    if "<html" in start or start.startswith("<!doctype html"):
        return "a web page, not a checkpoint", (
            "open its address in a browser, and download the file behind the page again"
        )
    if '"weight_map"' in start:
        return "the index of weights in several files", "give the folder of the whole model"
    if '"_class_name"' in start:
        return "a configuration of diffusers", "give the folder of the whole model"
    if start.startswith(("(dp", "(lp", "ccopy_reg", "c__builtin__", "ccollections")):
        return "a pickle of Python, not a checkpoint of torch.save", (
            "save it with torch.save where it was made"
        )
    opening = " ".join(words.split())[:60]
    if start.startswith(("<", "{", "[")):
        what = f"{'an XML' if start[0] == '<' else 'a JSON'} text that begins with {opening!r}"
        return f"{what}, such as a server's error message, not a checkpoint", AGAIN
    if not opening:
        return f"damaged or not a checkpoint: {size:,} bytes of blanks", AGAIN
    return f"damaged or not a checkpoint: a text that begins with {opening!r}", AGAIN


def _decoded(head: bytes) -> str | None:
    """Return the head as text without blanks around it, None if it is binary."""
    encoding = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        # Incremental, as the head may end within a letter.
        words = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        if b"<html" not in head.lower():
            return None
        words = head.decode("latin-1")
    plain = all(letter.isprintable() or letter in string.whitespace for letter in words)
    return words.strip() if plain else None


def _framework(head: bytes, _size: int) -> tuple[str, str] | None:
    """Recognize files of other frameworks that begin with a small number."""
    if head[0] == 0x08 and 3 <= head[1] <= 30 and head[2:3] in (b"\x12", b"\x1a", b"\x3a"):
        return "an ONNX model, not a checkpoint", EXPORT
    is_map = 0x81 <= head[0] <= 0x8F and 0xA1 <= head[1] <= 0xBF
    if is_map or (head[0] in (0xDE, 0xDF) and head[2:3] != b""):
        return "a checkpoint of JAX, as flax writes it", (
            f"{TORCH_ONLY}; most published networks are there in both"
        )
    return None


def _unknown(head: bytes, size: int) -> tuple[str, str]:
    if not any(head):
        return f"damaged: it begins with zeros, {size:,} bytes in all", AGAIN
    return f"damaged or not a checkpoint: it begins with the bytes {head[:4].hex(' ')}", (
        f"{AGAIN}, or save it as .pth or .safetensors"
    )


KINDS: tuple[Callable[[bytes, int], tuple[str, str] | None], ...] = (
    _magic,
    _pointer,
    _framework,
    _text,
    _unknown,
)
"""Each returns what a file is and what to do about it, or None; the last one accepts any file."""
