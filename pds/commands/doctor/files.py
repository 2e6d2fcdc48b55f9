"""Whether the weights, filters and configurations that come with pds exist and are complete."""

import ast
import json
from collections.abc import Callable
from pathlib import Path

from pds.commands.doctor.section import Progress, Section
from pds.files.shipped import ROOT

SIZES = (32, 64, 128, 256)
RECORDED = ("appearance", "first_paint", "grain", "ladder", "network_tuned", "tuned")

SHIPPED = (
    *(f"assets/portraits{size}.safetensors" for size in SIZES),
    *(f"assets/{name}.json" for name in RECORDED),
    *(f"filters/portraits{size}_{kind}.npy" for size in SIZES for kind in ("freq", "space")),
    *(f"configs/ve/portraits{size}_ncsnpp.py" for size in SIZES),
)
"""What the commands and the page open, relative to `pds.files.shipped.ROOT`."""


def check(progress: Progress) -> Section:
    """Report where the files are, and which of them are missing or damaged."""
    progress("shipped files")
    section = Section("files", {"folder": str(ROOT)})
    reasons = {name: damage(ROOT / name) for name in SHIPPED}
    section.facts["whole"] = sum(not reason for reason in reasons.values())
    section.facts["expected"] = len(SHIPPED)
    section.problems = [
        f"{ROOT / name} {reason}: install pds again, or restore the file from the repository"
        for name, reason in reasons.items()
        if reason
    ]
    return section


def damage(path: Path) -> str:
    """Return what is wrong with a file, "" if it is whole."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    try:
        whole = CHECKS[path.suffix](content)
    except (ValueError, SyntaxError, LookupError, TypeError, AttributeError):
        whole = False
    return "" if whole else f"is damaged or ends too early, at {len(content)} bytes"


def _is_safetensors(content: bytes) -> bool:
    """Return whether header and tensors are as long as the header says."""
    start = 8 + int.from_bytes(content[:8], "little")
    tensors = json.loads(content[8:start])
    ends = [value["data_offsets"][1] for name, value in tensors.items() if name != "__metadata__"]
    return start + max(ends) == len(content)


def _is_npy(content: bytes) -> bool:
    """Return whether an array of float32 is as long as its header says."""
    start = 10 + int.from_bytes(content[8:10], "little")
    header = ast.literal_eval(content[10:start].decode())
    size = int(header["descr"][2:])
    for length in header["shape"]:
        size *= length
    return content.startswith(b"\x93NUMPY\x01") and start + size == len(content)


def _is_json(content: bytes) -> bool:
    return bool(json.loads(content))


def _is_python(content: bytes) -> bool:
    return bool(ast.parse(content).body)


CHECKS: dict[str, Callable[[bytes], bool]] = {
    ".safetensors": _is_safetensors,
    ".npy": _is_npy,
    ".json": _is_json,
    ".py": _is_python,
}
"""Whether the content of a file is whole, by its ending."""
