"""The same samplers on networks of several resolutions: their cells and the stored features.

For each model of a resolution, in one file NAME.npz of the folder:

    ARM@N facts, ARM@N grain, ...   images, diverged, nfe and seconds of a cell; its features, see
                                    `pds.evaluation.features`, none if an image diverged
    data ...                        features of held-out pictures
    planted N ...                   see `pds.evaluation.planted`
    fingerprint                     of the model

and its response, see `pds.evaluation.responses`, in responses/NAME.npz.

Pictures are not kept: a file is some megabytes. Samplers of one N are drawn side by side from the
same noise, in the order of `groups`, so that a run that is stopped has the same cells at every
resolution. A picture of twice the size has four times the places to measure grain at; half as many
are drawn.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from pds.driving import seeded_noise, side_by_side, steps
from pds.evaluation import draw, planted, responses
from pds.evaluation.evidence import Measured, measure_images
from pds.evaluation.features import Features
from pds.evaluation.planted import Planted
from pds.evaluation.store import NETWORK, Cell, Drawn
from pds.evaluation.subject import PORTRAITS, Subject
from pds.files.arrays import read_npz, to_npz
from pds.files.writing import write
from pds.sampling import Sampler, ScoreFn
from pds.theory import MeasuredResponse, response_file

ARMS = ("vanilla", "pds:5", "scalar", "tuned")
"""Samplers of the law, beside ode-heun."""

SCANNED = ("pds:3", "pds:4", "pds:7", "pds:10", "natural:5")
"""Other values of alpha, and the filter without data, at `SCAN_COUNTS`."""

SCAN_COUNTS = (40, 25)

SMALLEST = 32
FEWEST_IMAGES = 8

OWN_IMAGES = 4
"""The network's own pictures for each image of a cell."""


class Group(NamedTuple):
    """Cells that are drawn side by side, and the number of images of each."""

    cells: tuple[Cell, ...]
    num_images: int


def num_images(size: int, most: int) -> int:
    """Return the number of images of a cell: `most` at 32 px, half as many at twice the size."""
    return min(most, max(FEWEST_IMAGES, most * SMALLEST // size))


def groups(count: int) -> list[Group]:
    """Return everything that is drawn with `count` images of a cell, the most informative first."""

    def side_by_side_at(num_steps: int, *more: str) -> Group:
        return Group(tuple(Cell(arm, num_steps) for arm in (*ARMS, *more)), count)

    def alone(arm: str, *counts: int) -> list[Group]:
        return [Group((Cell(arm, num_steps),), count) for num_steps in counts]

    return [
        Group((NETWORK,), OWN_IMAGES * count),
        *(side_by_side_at(num_steps, *SCANNED) for num_steps in SCAN_COUNTS),
        *alone("ode-heun", 25),
        side_by_side_at(66),
        *alone("vanilla", 50, 33),
        *alone("ode-heun", 40, 66),
        side_by_side_at(100),
        *alone("vanilla", 133, 200),
        *alone("ode-heun", 100),
    ]


@dataclass(frozen=True)
class Record:
    """The file of one model; every change writes it anew.

    path: of the file.
    arrays: its content.
    """

    path: Path
    arrays: dict[str, NDArray[Any]]

    @classmethod
    def of(cls, folder: Path, subject: Subject) -> "Record":
        """Open the file of a model, or begin one.

        Raises:
            ValueError: if it is of another model of this name, or damaged.
        """
        path = folder / f"{subject.name}.npz"
        mine = np.array(subject.fingerprint)
        arrays = read_npz(path) if path.is_file() else {"fingerprint": mine}
        if str(arrays.get("fingerprint")) != str(mine):
            raise ValueError(f"{path} is of another network or other masks; choose another --out")
        return cls(path, arrays)

    def add(self, **arrays: Any) -> None:
        """Keep arrays by name."""
        self.arrays.update({name: np.asarray(array) for name, array in arrays.items()})
        write(self.path, to_npz(**self.arrays))

    def lacks(self, group: Group) -> bool:
        """Return whether a cell of a group has too few images or none."""
        known = self.cells
        return any(
            cell not in known or known[cell].images < group.num_images for cell in group.cells
        )

    @property
    def cells(self) -> dict[Cell, Measured]:
        """What was measured on every cell."""
        names = [name.removesuffix(" facts") for name in self.arrays if name.endswith(" facts")]
        return {_cell(name): self._measured(name) for name in names}

    def features(self, name: str) -> Features | None:
        """Return the features of a name, if there are any."""
        if f"{name} fine" not in self.arrays:
            return None
        return Features(*(self.arrays[f"{name} {f.name}"].astype(float) for f in fields(Features)))

    @property
    def response_path(self) -> Path:
        """The file of the model's response."""
        return self.path.parent / "responses" / self.path.name

    @cached_property
    def response(self) -> MeasuredResponse | None:
        """The model's response, if it was measured."""
        if not self.response_path.is_file():
            return None
        return response_file.load(self.response_path, str(self.arrays["fingerprint"]))

    def planted(self, num_steps: int) -> Planted:
        """Return what was planted at N."""
        names = [f.name for f in fields(Planted)[1:]]
        return Planted(num_steps, *(self.arrays[f"planted {num_steps} {name}"] for name in names))

    @property
    def is_planted(self) -> bool:
        """Whether noise was planted and the response measured."""
        return self.response_path.is_file() and f"planted {planted.COUNTS[0]} sigma" in self.arrays

    def add_planted(self, every: Sequence[Planted]) -> None:
        """Keep what was planted."""
        arrays: dict[str, Any] = {}
        for noise in every:
            for f in fields(Planted)[1:]:
                arrays[f"planted {noise.num_steps} {f.name}"] = getattr(noise, f.name)
        self.add(**arrays)

    def add_cells(self, measured: dict[Cell, Measured]) -> None:
        """Keep what was measured on cells."""
        arrays: dict[str, Any] = {}
        for cell, entry in measured.items():
            arrays[f"{_name(cell)} facts"] = np.array(entry[:4], dtype=np.float64)
            if entry.features is not None:
                arrays |= _named(_name(cell), entry.features)
        self.add(**arrays)

    def add_data(self, held_out: Features) -> None:
        """Keep the features of held-out pictures."""
        self.add(**_named("data", held_out))

    def _measured(self, name: str) -> Measured:
        images, diverged, nfe, seconds = self.arrays[f"{name} facts"].tolist()
        return Measured(int(images), int(diverged), int(nfe), seconds, self.features(name))


def draw_group(subject: Subject, score: ScoreFn, group: Group) -> dict[Cell, Measured]:
    """Draw a group side by side, and measure every cell of it."""
    plans = {cell: draw.plan(subject, *cell.drawn_by) for cell in group.cells}
    samplers = {cell: plan.sampler for cell, plan in plans.items()}
    return drawn_by(samplers, subject, score, group.num_images)


def drawn_by(
    samplers: Mapping[Cell, Sampler], subject: Subject, score: ScoreFn, num_images: int
) -> dict[Cell, Measured]:
    """Draw cells side by side, each by its sampler, and measure every one of them."""
    model, first = subject.model, next(iter(samplers)).seed_offset
    seeds = range(first, first + num_images)
    started = perf_counter()
    run = side_by_side(
        list(samplers.values()),
        model.sde,
        noise=seeded_noise(seeds, device=subject.device),
        shape=(len(seeds), *model.image_shape),
    )
    (last,) = deque(steps(score, run), maxlen=1)
    images = [model.to_pixels(step.x_mean).cpu() for step in last]
    seconds = perf_counter() - started
    calls = [sampler.nfe for sampler in samplers.values()]
    pictures = [
        Drawn(x, nfe, seconds * nfe / (sum(calls) * len(seeds)))
        for x, nfe in zip(images, calls, strict=True)
    ]
    with ThreadPoolExecutor() as pool:  # measuring large pictures takes longer than a GPU draws
        return dict(zip(samplers, pool.map(measure_images, pictures), strict=True))


def plant(record: Record, subject: Subject, score: ScoreFn, num_pictures: int) -> None:
    """Plant noise in held-out pictures, measure the response, and keep both."""
    field = subject.field
    seeds = range(PORTRAITS, PORTRAITS + num_pictures)
    pictures = torch.stack([field.picture(seed) for seed in seeds])
    record.add_planted([planted.plant(field, score, pictures, n) for n in planted.COUNTS])
    (response,) = deque(responses.measure(subject, score, num_pictures), maxlen=1)
    assert isinstance(response, MeasuredResponse)
    response_file.save(record.response_path, response, subject.fingerprint)


def _named(name: str, parts: Features) -> dict[str, Any]:
    """Return features as arrays of a `Record`, in single precision."""
    each = {f.name: getattr(parts, f.name) for f in fields(Features)}
    return {f"{name} {field}": values.astype(np.float32) for field, values in each.items()}


def _name(cell: Cell) -> str:
    return f"{cell.arm}@{cell.num_steps}"


def _cell(name: str) -> Cell:
    arm, _, num_steps = name.rpartition("@")
    return Cell(arm, int(num_steps))
