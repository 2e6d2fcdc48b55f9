"""Samplers tuned by the response of a network, sampled beside the others.

    python -m tools.network_tuned --out runs/tuned [--device cuda]

measures the response of every network of portraits, tunes the families of
`pds.evaluation.network_tuning` on it, each also on the response of the network of the other size,
and draws them. The folder gets NAME.npz of `pds.evaluation.resolution`, with the cells of the other
samplers beside them, responses/NAME.npz, values.csv with what was found, and tuned.csv: grain,
contrast, fine power and Frechet distance of every cell at these N, against the network's own
pictures, with 95 % intervals. Distances are of equally many pictures at one N.
"""

import argparse
import csv
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import torch

from pds.evaluation import draw, network_tuning, resolution, responses, subject
from pds.evaluation.evidence import Evidence
from pds.evaluation.gaussian import field
from pds.evaluation.metrics import Reference
from pds.evaluation.network_tuning import NAMES, Name
from pds.evaluation.prediction import Predictor
from pds.evaluation.resolution import Group, Record
from pds.evaluation.store import NETWORK, Cell
from pds.evaluation.subject import Subject
from pds.sampling import ScoreFn
from pds.theory import response_file
from pds.theory.network_tuning import Settings

TRANSFERRED: tuple[Name, ...] = ("levels", "constant")
"""Families whose values mean the same at every size."""


Tuning = tuple[Name, int, str]
"""A family, N, and the network whose response it is tuned by."""


class Job(NamedTuple):
    """A sampler to be tuned: by the response of one network, drawn with another."""

    family: Name
    num_steps: int
    by: str
    drawn_with: str

    @property
    def cell(self) -> Cell:
        """Its cell in the file of the network that draws it."""
        own = self.by == self.drawn_with
        return Cell(f"by-{'' if own else self.by + '-'}{self.family}", self.num_steps)


def jobs(names: list[str], counts: list[int]) -> Iterator[Job]:
    """Yield every sampler that is tuned."""
    for number, name in enumerate(names):
        other = names[number - 1 if number % 2 else (number + 1) % len(names)]
        for num_steps in counts:
            for family in NAMES:
                yield Job(family, num_steps, name, name)
            if other != name:
                for family in TRANSFERRED:
                    yield Job(family, num_steps, other, name)


def tuned(folder: Path, family: Name, num_steps: int, by: str) -> Settings:
    """Return the settings that are found for a network with its measured response."""
    torch.set_num_threads(1)
    response = response_file.load(folder / "responses" / f"{by}.npz")
    return network_tuning.tune(family, Predictor(field(by), response), num_steps)


def main() -> None:
    """Measure, tune and draw what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--models", default="portraits32,portraits64,portraits128,portraits256")
    parser.add_argument("--counts", default="25,40")
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--pictures", type=int, default=32)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--also", default="", help="ARM@N,.. sampled besides")
    arguments = parser.parse_args()
    names = arguments.models.split(",")
    counts = [int(count) for count in arguments.counts.split(",")]
    device = torch.device(arguments.device)
    subjects = {name: subject.open_subject(name, None, device) for name in names}
    scores = {name: draw.prepared(one) for name, one in subjects.items()}
    folder: Path = arguments.out
    records = {name: Record.of(folder, one) for name, one in subjects.items()}
    for name, one in subjects.items():
        path = records[name].response_path
        if not path.is_file():
            response_file.save(
                path, responses.measure_with_progress(one, arguments.pictures), one.fingerprint
            )
    every = list(jobs(names, counts))
    with ProcessPoolExecutor(arguments.workers, get_context("spawn")) as pool:
        tunings = {j[:3] for j in every}
        futures = {t: pool.submit(tuned, folder, *t) for t in sorted(tunings)}
        draw_others(subjects, scores, records, [NETWORK], arguments.images)
        draw_tuned(subjects, scores, records, every, futures, arguments.images)
        draw_others(subjects, scores, records, cells(arguments.also), arguments.images)
        write_values(folder, futures)
    write_quality(folder / "tuned.csv", subjects, counts)


def cells(names: str) -> list[Cell]:
    """Return the cells ARM@N,.. by their names."""
    words = (word.rpartition("@") for word in names.split(",") if word)
    return [Cell(arm, int(num_steps)) for arm, _, num_steps in words]


def draw_others(
    subjects: dict[str, Subject],
    scores: dict[str, ScoreFn],
    records: dict[str, Record],
    wanted: list[Cell],
    images: int,
) -> None:
    """Draw cells of other samplers, and more of the network's own pictures."""
    for cell, (name, one) in product(wanted, subjects.items()):
        count = resolution.num_images(one.model.image_shape[-1], images)
        group = Group((cell,), count * (resolution.OWN_IMAGES if cell == NETWORK else 1))
        if records[name].lacks(group):
            records[name].add_cells(resolution.draw_group(one, scores[name], group))
            print(f"{time.monotonic():.0f}", name, *cell, flush=True)


def draw_tuned(
    subjects: dict[str, Subject],
    scores: dict[str, ScoreFn],
    records: dict[str, Record],
    every: list[Job],
    futures: Mapping[Tuning, "Future[Settings]"],
    images: int,
) -> None:
    """Draw the tuned samplers of each model and N side by side."""
    for name, num_steps in dict.fromkeys((j.drawn_with, j.num_steps) for j in every):
        one = subjects[name]
        mine = [j for j in every if (j.drawn_with, j.num_steps) == (name, num_steps)]
        samplers = {
            j.cell: network_tuning.sampler(j.family, one.model, num_steps, futures[j[:3]].result())
            for j in mine
        }
        count = resolution.num_images(one.model.image_shape[-1], images)
        if records[name].lacks(Group(tuple(samplers), count)):
            records[name].add_cells(resolution.drawn_by(samplers, one, scores[name], count))
            print(name, num_steps, "tuned by networks", flush=True)


def write_values(folder: Path, futures: Mapping[Tuning, "Future[Settings]"]) -> None:
    """Write what was found: lowest and highest sigma, snr, and M's values."""
    found = ((tuning, future.result()) for tuning, future in futures.items())
    rows = (
        [*tuning, *(f"{v:.5g}" for v in (*settings[:3], *settings.gain))]
        for tuning, settings in found
    )
    _write(
        folder / "values.csv", ("family", "N", "by", "sigma_low", "sigma_high", "snr", "M"), rows
    )


def write_quality(path: Path, subjects: dict[str, Subject], counts: Iterable[int]) -> None:
    """Write the quality of every cell at some N of the records in the folder of a file."""
    metrics = ("grain", "contrast", "fine_power", "frechet")
    titles = (f"{metric}{end}" for metric in metrics for end in ("", "_low", "_high"))
    rows = (row for one in subjects.values() for row in _quality(path.parent, one, counts, metrics))
    _write(path, ("model", "size", "arm", "N", "images", *titles), rows)


def _quality(
    folder: Path, one: Subject, counts: Iterable[int], metrics: tuple[str, ...]
) -> Iterator[list[object]]:
    cells = Record.of(folder, one).cells
    own = cells.pop(NETWORK).features
    assert own is not None
    height, width = one.model.image_shape[-2:]
    evidence = Evidence("network", Reference(own, (height, width)), cells)
    for num_steps in counts:
        same = sorted(
            cell for cell in cells if cell.num_steps == num_steps and evidence.count(cell)
        )
        fewest = min(map(evidence.count, same), default=0)
        for cell in same:
            every, alike = (evidence.draws(cell, n) for n in (evidence.count(cell), fewest))
            values = [
                value
                for metric in metrics
                for value in (alike if metric == "frechet" else every)[metric].interval()
            ]
            yield [one.name, height, *cell, evidence.count(cell), *(f"{v:.4g}" for v in values)]


def _write(path: Path, titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(titles)
        writer.writerows(rows)
    print(path)


if __name__ == "__main__":
    main()
