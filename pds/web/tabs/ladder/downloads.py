"""Files of the sheet on screen. The page sends its columns back; the server stores nothing.

What is sent is untrusted: every value is checked.
"""

import base64
import binascii
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from PIL import Image

from pds.files.pictures import Pixels
from pds.jobs import sheet_files
from pds.jobs.sheet import Numbers, Sheet, is_lost
from pds.limits import MAX_BROUGHT_BYTES, require_choice
from pds.models import MODELS, load_model
from pds.web.server.messages import Message

MAX_CHARACTERS = MAX_BROUGHT_BYTES - 1_000_000
"""Most base64 characters of all pictures of a sheet."""
DAMAGED = "The sheet did not arrive whole; please try again"
MOST = 1e300

Columns = Sequence[Mapping[str, Any]]


def requested(values: Mapping[str, Any]) -> Sheet:
    """Return the sheet of the values that a browser sent; other names are ignored.

    Raises:
        ValueError: as `Sheet`.
    """
    return Sheet(**{f.name: values[f.name] for f in fields(Sheet) if f.name in values})


def file_of(values: Mapping[str, Any]) -> Message:
    """Make a file of a sheet.

    Args:
        values: kind, a key of `KINDS`; the fields of the `Sheet`; and columns, as the page got
            them, of a stopped run those that were drawn.

    Returns:
        The file's name and its content in base64.

    Raises:
        ValueError: if the columns are damaged, or the kind unknown.
    """
    kind = require_choice("kind", values.get("kind"), KINDS)
    sheet, columns = requested(values), values.get("columns")
    if not isinstance(columns, list) or not all(isinstance(c, dict) for c in columns):
        raise ValueError(DAMAGED)
    counts = [column.get("num_steps") for column in columns]
    if not counts or [n for n in sheet.num_steps if n in counts] != counts:
        raise ValueError(DAMAGED)
    model = sheet.model if sheet.model in MODELS else "mine"
    content = KINDS[kind](sheet, columns)
    return {
        "file": f"sheet_{model}_seed{sheet.seed}.{kind}",
        "content": base64.b64encode(content).decode("ascii"),
    }


def _png(sheet: Sheet, columns: Columns) -> bytes:
    pictures = {column["num_steps"]: _each(sheet, column, "pictures") for column in columns}
    decoded = {n: [_picture(sheet, text) for text in texts] for n, texts in pictures.items()}
    return sheet_files.png(sheet, decoded)


def _csv(sheet: Sheet, columns: Columns) -> bytes:
    numbers = [_numbers(sheet, column) for column in columns]
    ordered = [column[row] for row in range(len(sheet.samplers)) for column in numbers]
    return sheet_files.to_csv(sheet, ordered).encode("ascii")


def _command(sheet: Sheet, columns: Columns) -> bytes:
    return sheet_files.to_command(sheet).encode()


KINDS: dict[str, Callable[[Sheet, Columns], bytes]] = {"png": _png, "csv": _csv, "sh": _command}
"""Encoders, by the endings of the names of their files."""


def _numbers(sheet: Sheet, column: Mapping[str, Any]) -> list[Numbers]:
    """Return the numbers of a column's cells."""
    kind = "network" if sheet_files.reference(sheet) else "pixels"
    grain = _each(sheet, _mapping(column, "grain"), kind)
    contrast = _each(sheet, _mapping(column, "contrast"), "network")
    outside, calls = (_each(sheet, column, name) for name in ("outside", "calls"))
    return [
        Numbers(
            name,
            column["num_steps"],
            _float(grain[row]),
            _float(contrast[row]),
            int(_float(calls[row], least=1)),
            is_lost(_float(grain[row]), _float(outside[row])),
        )
        for row, name in enumerate(sheet.samplers)
    ]


def _mapping(column: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = column.get(name)
    if not isinstance(value, dict):
        raise ValueError(DAMAGED)
    return value


def _each(sheet: Sheet, column: Mapping[str, Any], name: str) -> list[Any]:
    """Return the values that a column has for the rows."""
    values = column.get(name)
    if not isinstance(values, list) or len(values) != len(sheet.samplers):
        raise ValueError(DAMAGED)
    return values


def _float(value: object, *, least: float = 0) -> float:
    """Return a number, NaN for None where no least one is required."""
    if value is None and not least:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < MOST:
        raise ValueError(DAMAGED)
    return float(value)


def _picture(sheet: Sheet, text: object) -> Pixels:
    """Decode the picture of a cell; its size is compared before a pixel is read."""
    if not isinstance(text, str) or len(text) > MAX_CHARACTERS:
        raise ValueError(DAMAGED)
    channels, height, width = load_model(sheet.model).image_shape
    try:
        content = io.BytesIO(base64.b64decode(text, validate=True))
        with Image.open(content, formats=["PNG"]) as image:
            if image.size != (width, sheet.num_images * height):
                raise ValueError(DAMAGED)
            pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except (binascii.Error, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise ValueError(DAMAGED) from None
    return pixels.reshape(-1, width, channels)
