"""The tab "Ladder": a sheet of samplers over numbers of iterations, at first the paper's figure."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pds import spectra
from pds.arms.names import KINDS, MENU
from pds.files.shipped import ROOT
from pds.jobs.sheet import LOST, NUM_STEPS, Column, Progress, Sheet, draw_sheet
from pds.limits import (
    MAX_SEED,
    MAX_SHEET_COLUMNS,
    MAX_SHEET_IMAGES,
    MAX_SHEET_ROWS,
    MAX_STEPS,
)
from pds.models import MODELS, load_model
from pds.web.grain_contrast import reference_name, relative_numbers
from pds.web.sentences import capital, grain_begins
from pds.web.server.messages import Message, dumps, finite, picture
from pds.web.tab import Run, Tab
from pds.web.tabs.ladder import downloads

OPENING_ROWS = ("vanilla", "pds:5", "response")
"""Rows of the recorded figure; a sheet that names no rows has those of `pds.jobs.sheet`."""
RECORDED = ROOT / "assets" / "ladder.json"
COUNTS = (MAX_STEPS, *NUM_STEPS)
"""Columns of the recorded figure: the paper's iteration counts, and two more, where the embedded
models differ most."""


def setup() -> Message:
    """Return the values that the script needs before its first request."""
    models = [{"name": name, "title": title} for name, (title, _) in MODELS.items()]
    kinds = [{"name": name, **KINDS[name]._asdict()} for name in MENU]
    limits = {
        "seed": MAX_SEED,
        "rows": MAX_SHEET_ROWS,
        "columns": MAX_SHEET_COLUMNS,
        "images": MAX_SHEET_IMAGES,
        "characters": downloads.MAX_CHARACTERS,
    }
    return {
        "samplers": OPENING_ROWS,
        "titles": row_titles(Sheet(OPENING_ROWS)),
        "counts": NUM_STEPS,
        "num_images": Sheet.num_images,
        "opening": asdict(Sheet(OPENING_ROWS, COUNTS)),
        "kinds": kinds,
        "models": models,
        "lost": LOST,
        "limits": limits,
    }


def row_titles(sheet: Sheet) -> list[str]:
    """Return the titles of the rows, capitalized."""
    return [capital(title) for title in sheet.titles]


def recorded(path: Path = RECORDED) -> str:
    """Return the shipped figure as a message, or one that says how to record it."""
    if not path.is_file():
        sentence = f"No recorded figure at {path.name}; run python -m pds record --ladder."
        return dumps({"kind": "error", "sentence": sentence})
    return path.read_text(encoding="utf-8")


def record(sheet: Sheet, path: Path = RECORDED) -> Message:
    """Draw a sheet and write it for the page."""
    *_, whole = figure(sheet)
    path.write_text(dumps(whole) + "\n", encoding="utf-8")
    return whole


def messages(values: Mapping[str, Any]) -> Generator[Message, None, None]:
    """Draw the sheet that the page requests.

    Args:
        values: the fields of a `Sheet`; the seed must be there.
    """
    return figure(downloads.requested({"seed": -1, **values}))


def figure(sheet: Sheet) -> Generator[Message, None, None]:
    """Draw a sheet, the quickest column first.

    Yields:
        "progress" with the share that is drawn and the seconds left; a "column" for each N; and
        at last "done" with all columns.
    """
    columns: dict[int, Message] = {}
    with closing(draw_sheet(sheet)) as items:
        for item in items:
            if isinstance(item, Progress):
                progress = {"share": finite(item.share), "seconds": finite(item.seconds)}
                yield {"kind": "progress", **_header(sheet), **item._asdict(), **progress}
            else:
                column = column_message(sheet, item)
                columns[column["num_steps"]] = column
                yield {"kind": "column", **_header(sheet), **column}
    ordered = [columns[n] for n in sheet.num_steps]
    reference = reference_name(load_model(sheet.model))
    sentence = grain_begins(_grain(ordered), row_titles(sheet), reference) if reference else ""
    yield {"kind": "done", **_header(sheet), "columns": ordered, "sentence": sentence}


def _header(sheet: Sheet) -> Message:
    """Return what all columns have in common; own is "" if grain is in pixel units alone."""
    return {
        "sheet": asdict(sheet),
        "titles": row_titles(sheet),
        "own": reference_name(load_model(sheet.model)),
    }


def _grain(columns: Sequence[Message]) -> dict[int, list[float | None]]:
    """Return the relative grain of each column by its N, None where most of a picture is lost."""
    return {
        column["num_steps"]: [
            None if outside is None or outside > LOST else grain
            for grain, outside in zip(column["grain"]["network"], column["outside"], strict=True)
        ]
        for column in columns
    }


def column_message(sheet: Sheet, column: Column) -> Message:
    """Return how the images of a column look, a number for each row, and the images.

    "outside" is the share of their values that are not in [0, 1] and are shown as 0 or 1, "left"
    their power above half Nyquist relative to the data, "requests" the comparisons to open.
    """
    model = load_model(sheet.model)
    data = spectra.fine_power(model.data_power)
    num_steps = column[0].numbers.num_steps
    requests = [asdict(sheet.request(row, num_steps)) for row in range(len(column))]
    return {
        "num_steps": num_steps,
        **relative_numbers([cell.appearance for cell in column], model),
        "left": [finite(cell.appearance.fine_power / data) for cell in column],
        "outside": [finite(cell.outside) for cell in column],
        "calls": [cell.numbers.calls for cell in column],
        "requests": requests,
        "pictures": [picture(cell.picture) for cell in column],
    }


TAB = Tab(
    name="ladder",
    title="Ladder",
    folder=Path(__file__).parent,
    html="ladder.html",
    script="ladder.js",
    setup=setup,
    views={"recorded_ladder": lambda _: recorded(), "sheet_file": downloads.file_of},
    run=Run("draw", "ladder", messages),
)
