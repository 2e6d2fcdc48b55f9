"""A sheet over two axes: samplers by their names, each at several numbers of iterations.

All cells start from the same noise. The cells of a column draw the same noise on the way too, so
that each is the side of a comparison of `pds.models.compare_request`. The tab Ladder, the endpoints
/sheet and /ladder and `pds sheet` all draw by `draw_sheet`.
"""

import math
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor

from pds.appearance import Appearance
from pds.arms.names import parse
from pds.files.pictures import Pixels, tile_images, to_uint8
from pds.jobs import quality
from pds.jobs.hosting import from_page
from pds.limits import (
    MAX_SHEET_COLUMNS,
    MAX_SHEET_IMAGES,
    MAX_SHEET_ITERATIONS,
    MAX_SHEET_ROWS,
    quoted,
    require_whole,
)
from pds.models import load_model, run_chains
from pds.request import Request
from pds.sampling import Sampler, Step

SAMPLERS = ("vanilla", "pds:5", "tuned")
NUM_STEPS = (200, 133, 100, 66, 40, 25, 20, 10)
LOST = 0.5
"""Share of values outside [0, 1] from which on a sampler counts as diverged."""
INTERVAL = 0.3
"""Shortest time between two progress reports, in seconds."""


@dataclass(frozen=True)
class Sheet:
    """Everything that determines a sheet.

    Args:
        samplers: names of `pds.arms.names` without @, a row for each, held as a tuple.
        num_steps: numbers of iterations, a column for each, held as a tuple.
        model: a shipped model or a visitor's, by its name.
        num_images: of each cell.
        seed: image i of every cell starts from seed + i.

    Raises:
        ValueError: for a value that a public page does not accept, or a duplicate.
    """

    samplers: Sequence[str] = SAMPLERS
    num_steps: Sequence[int] = NUM_STEPS
    model: str = Request.model
    num_images: int = 2
    seed: int = Request.seed

    def __post_init__(self) -> None:
        images = "the number of images of a cell"
        request = from_page(
            {
                "model": self.model,
                "num_images": require_whole(images, self.num_images, 1, MAX_SHEET_IMAGES),
                "seed": self.seed,
            }
        )
        names = _listed("samplers, the rows,", self.samplers, MAX_SHEET_ROWS)
        counts = _listed("num_steps, the columns,", self.num_steps, MAX_SHEET_COLUMNS)
        checked: dict[str, Any] = {
            "samplers": _different("row", [_row(name) for name in names]),
            "num_steps": _different("column", [count(n) for n in counts]),
            "num_images": request.num_images,
            "seed": request.seed,
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        if self.num_iterations > MAX_SHEET_ITERATIONS:
            raise ValueError(
                f"a sheet takes at most {MAX_SHEET_ITERATIONS:,} iterations, rows x images x the "
                f"sum of its N, got {self.num_iterations:,}; choose fewer of one of them"
            )

    @property
    def num_iterations(self) -> int:
        """The iterations of all images together."""
        return len(self.samplers) * self.num_images * sum(self.num_steps)

    @property
    def titles(self) -> tuple[str, ...]:
        """The titles of the rows, with the name of the sampler where two would be equal."""
        called = [parse(name).label for name in self.samplers]
        return tuple(
            f"{label} ({name})" if called.count(label) > 1 else label
            for label, name in zip(called, self.samplers, strict=True)
        )

    def request(self, row: int, num_steps: int) -> Request:
        """Return the comparison of a row with the first one, of the first with the second."""
        only = len(self.samplers) == 1
        return Request(
            self.model,
            num_steps,
            num_images=self.num_images,
            seed=self.seed,
            left="vanilla" if only else self.samplers[0],
            right=self.samplers[0 if only else row or 1],
        )


class Progress(NamedTuple):
    """How far a sheet is drawn.

    num_steps, iteration: of the column that is being drawn, and of its first row.
    share: of the whole sheet, in [0, 1].
    seconds: estimate of the time left.
    """

    num_steps: int
    iteration: int
    share: float
    seconds: float


class Numbers(NamedTuple):
    """The numbers of a cell.

    grain, contrast: relative to the pictures that the model draws when it is sampled to the end;
        grain is in pixel units if these are unknown, contrast then is NaN, as of a single image.
    calls: network calls for each image.
    diverged: whether most of the pictures is lost.
    """

    sampler: str
    num_steps: int
    grain: float
    contrast: float
    calls: int
    diverged: bool


class Cell(NamedTuple):
    """What a sampler draws in N iterations.

    outside: share of values that are not in [0, 1] and are shown as 0 or 1; NaN if lost.
    picture: the images, one above the other.
    """

    numbers: Numbers
    appearance: Appearance
    outside: float
    picture: Pixels


Column = tuple[Cell, ...]
"""The cells of all rows at one N."""


def draw_sheet(sheet: Sheet) -> Generator[Progress | Column, None, None]:
    """Draw a sheet column by column, the quickest first; `close()` the iterator to cancel.

    Yields:
        Progress at most once per `INTERVAL`, and each column when it is drawn.

    Raises:
        ValueError: before anything is drawn, if a sampler does not support the model.
    """
    clock = _Clock(sum(sheet.num_steps))
    for num_steps in sorted(sheet.num_steps):
        samplers = partial(_samplers, sheet, num_steps)
        with closing(run_chains(sheet.request(0, num_steps), samplers)) as run:
            for steps in run:
                progress = clock.at(num_steps, steps[0])
                if progress:
                    yield progress
        clock.done += num_steps
        yield tuple(
            _cell(sheet, name, num_steps, step)
            for name, step in zip(sheet.samplers, steps, strict=True)
        )


class _Clock:
    """The share of a sheet that is drawn, and the time left.

    Args:
        total: iterations, over all columns.
    """

    def __init__(self, total: int) -> None:
        self.total, self.done, self.start, self.due = total, 0, time.perf_counter(), 0.0

    def at(self, num_steps: int, first: Step) -> Progress | None:
        """Return the progress at a step of the first row, if it is due."""
        now = time.perf_counter()
        if now < self.due:
            return None
        self.due = now + INTERVAL
        done = self.done + num_steps * (first.index + 1) / first.num_steps
        left = (now - self.start) / done * (self.total - done)
        return Progress(num_steps, first.index + 1, done / self.total, left)


def _samplers(sheet: Sheet, num_steps: int, device: str) -> list[Sampler]:
    """Return the sampler of each row, with its filter on a device."""
    model = load_model(sheet.model)
    arms = map(parse, sheet.samplers)
    return [model.plan(arm, num_steps, device=device).sampler for arm in arms]


def _cell(sheet: Sheet, sampler: str, num_steps: int, last: Step) -> Cell:
    model = load_model(sheet.model)
    x = model.to_pixels(last.x_mean).cpu()
    appearance = Appearance.of(x)
    seen = quality.of(model, appearance)
    outside = share_outside(x)
    diverged = is_lost(seen.grain, outside)
    return Cell(
        Numbers(sampler, num_steps, seen.grain, seen.contrast, last.nfe, diverged),
        appearance,
        outside,
        tile_images(to_uint8(x.numpy()), columns=1),
    )


def share_outside(x: Tensor) -> float:
    """Return the share of values that are not in [0, 1], NaN if one is not finite."""
    if not bool(x.isfinite().all()):
        return math.nan
    return float(((x < 0) | (x > 1)).float().mean())


def is_lost(grain: float, outside: float) -> bool:
    """Return whether a sampler diverged, by the grain of its pictures and `Cell.outside`."""
    return not (math.isfinite(grain) and outside <= LOST)


def count(value: object) -> int:
    """Return a number of iterations after a check that a public page accepts it."""
    return from_page({"num_steps": value}).num_steps


def _row(name: object) -> str:
    """Return the name of a sampler after a check that a row may have it."""
    row = from_page({"left": name}).left
    if "@" in row:  # of a branch too, which would escape the limit of iterations
        raise ValueError(
            f"the columns of a sheet set the numbers of iterations, got {quoted(row)}; leave out @ "
            f"and the number"
        )
    return row


def _listed(name: str, values: object, most: int) -> Sequence[object]:
    """Return a list after a check of its length."""
    if not isinstance(values, list | tuple) or not 1 <= len(values) <= most:
        got = len(values) if isinstance(values, list | tuple) else quoted(values)
        raise ValueError(f"{name} must be a list of 1 to {most}, got {got}")
    return values


def _different(what: str, values: list[Any]) -> tuple[Any, ...]:
    """Return values after a check that all are different."""
    twice = [value for value in dict.fromkeys(values) if values.count(value) > 1]
    if twice:
        raise ValueError(f"each {what} of a sheet must be different, got {quoted(twice[0])} twice")
    return tuple(values)
