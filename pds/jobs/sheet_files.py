"""The files of a sheet: one labeled PNG with its settings in its text, CSV, and its command."""

import csv
import io
import json
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields

from pds.files import pictures
from pds.files.pictures import TILE_PIXELS, Pixels
from pds.files.shipped import COMMAND
from pds.jobs import quality
from pds.jobs.quality import Quality
from pds.jobs.request_text import PRIVATE, json_object
from pds.jobs.sheet import Numbers, Sheet
from pds.models import MODELS, load_model

RECORD_KEY = "sheet"
"""Key of the settings in a PNG's record."""


def png(sheet: Sheet, columns: Mapping[int, Sequence[Pixels]]) -> bytes:
    """Return the labeled sheet as a PNG with its settings.

    Args:
        sheet: its settings.
        columns: the picture of each row, by N; columns of a stopped run may be missing.
    """
    counts = [n for n in sheet.num_steps if n in columns]
    rows = [
        (_label(title, name), [_enlarged(columns[n][row], sheet.num_images) for n in counts])
        for row, (title, name) in enumerate(zip(sheet.titles, sheet.samplers, strict=True))
    ]
    note = f"{sheet.model}, seed {sheet.seed}" if sheet.model in MODELS else f"seed {sheet.seed}"
    labeled = pictures.labeled_sheet(rows, [f"N = {n}" for n in counts], note=note)
    return pictures.encode_png(labeled, to_record(sheet))


def _label(title: str, name: str) -> str:
    """Return the label of a row: what it is called, and its name below where that says more."""
    return (
        title if name in (title, "vanilla", "tuned") or f"({name})" in title else f"{title}\n{name}"
    )


def _enlarged(picture: Pixels, num_images: int) -> Pixels:
    """Enlarge a picture of several images by a whole factor, so that a label has room above it."""
    factor = max(1, math.ceil(TILE_PIXELS * num_images / len(picture)))
    enlarged: Pixels = picture.repeat(factor, axis=0).repeat(factor, axis=1)
    return enlarged


def to_csv(sheet: Sheet, numbers: Sequence[Numbers]) -> str:
    """Return the numbers of cells as CSV, a line for each; a number that is unknown is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = list(Numbers._fields)
    names[names.index("grain")] = "grain" if reference(sheet) else "grain_pixels"
    writer.writerow(names)
    for cell in numbers:
        looks = [f"{x:.5g}" if math.isfinite(x) else "" for x in (cell.grain, cell.contrast)]
        writer.writerow([cell.sampler, cell.num_steps, *looks, cell.calls, int(cell.diverged)])
    return text.getvalue()


def to_text(sheet: Sheet, numbers: Sequence[Numbers]) -> str:
    """Return the numbers of cells as a table for a terminal, a line for each."""
    rows = [("sampler", "N", "grain", "contrast", "calls")]
    digits = 2 if reference(sheet) else 4
    for cell in numbers:
        grain = "diverged" if cell.diverged else quality.format_number(cell.grain, decimals=digits)
        known = not cell.diverged and math.isfinite(cell.contrast)
        contrast = quality.format_number(cell.contrast) if known else ""
        rows.append((cell.sampler, f"{cell.num_steps}", grain, contrast, f"{cell.calls}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for name, *values in rows:
        aligned = (f"{v:>{w}}" for v, w in zip(values, widths[1:], strict=True))
        lines.append(f"{name:<{widths[0]}}  {'  '.join(aligned)}".rstrip())
    note = quality.note(Quality(math.nan, reference=reference(sheet), num_images=sheet.num_images))
    return "\n".join([note, *lines])


def reference(sheet: Sheet) -> str:
    """Return what the pictures with grain and contrast 1 are called, "" if they are unknown."""
    model = load_model(sheet.model)
    return quality.reference_of(model) if model.references else ""


def to_record(sheet: Sheet) -> str:
    """Return the text for a PNG of the sheet, without the name of a visitor's model."""
    values = asdict(sheet)
    if sheet.model not in MODELS:
        values["model"] = None
    return json.dumps({RECORD_KEY: values}, sort_keys=True)


def from_record(text: str) -> Sheet:
    """Read a text of `to_record`.

    Raises:
        ValueError: if it is not such a text, or the sheet cannot be drawn here.
    """
    values = json_object(text).get(RECORD_KEY)
    if not isinstance(values, dict) or values.keys() != {f.name for f in fields(Sheet)}:
        raise ValueError("this sheet was made by another version; its settings cannot be read")
    if values["model"] not in MODELS:
        raise ValueError("this sheet was made with a visitor's own images and cannot be repeated")
    return Sheet(**values)


def to_command(sheet: Sheet, out: str = "sheet.png") -> str:
    """Return the shell command that draws a sheet.

    Raises:
        ValueError: for a visitor's own model.
    """
    if sheet.model not in MODELS:
        raise ValueError(PRIVATE)
    arguments = [*COMMAND, "sheet", "--samplers", ",".join(sheet.samplers)]
    arguments += ["--num-steps", ",".join(map(str, sheet.num_steps)), "--model", sheet.model]
    arguments += ["--num-images", str(sheet.num_images), "--seed", str(sheet.seed), "--out", out]
    return shlex.join(arguments)
