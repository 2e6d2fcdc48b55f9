"""Write commands and tables of docs/experiments.md: python -m tools.published.

The text between <!-- commands: NAME --> or <!-- table: NAME --> and <!-- end --> is replaced.
A table has the FIDs of docs/evidence/published/reported.csv, each with its source, beside those of
measured.csv, which `python -m pds evaluate --drawn ... --record` writes.
"""

import csv
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pds.evaluation import fid_record
from pds.evaluation.fid_record import Measured
from tools.browser import ROOT
from tools.theory_tables import table

DOCUMENT = ROOT / "docs" / "experiments.md"
FOLDER = ROOT / "docs" / "evidence" / "published"
REPORTED = FOLDER / "reported.csv"
MEASURED = FOLDER / "measured.csv"

WEIGHTS = "pt_inception-2015-12-05-6726825d.pth"
NUM_IMAGES = 50_000
WIDTH = 76
"""Characters of a line of a command."""


@dataclass(frozen=True)
class Experiment:
    """A configuration of the published code.

    name: of the experiment here, and the beginning of the names of its folders and files.
    config: name of the configuration file.
    size, num_scales: of the configuration.
    filters: kinds of the filters.
    speed_ups: 1 and more; N = int(num_scales / speed_up).
    batch_size: images that are drawn together.
    """

    name: str
    config: str
    size: int
    num_scales: int
    filters: tuple[str, ...]
    speed_ups: tuple[int, ...]
    batch_size: int

    @property
    def sampler(self) -> str:
        """The name of the sampler with the filters, at the published alpha."""
        return "pds+space:5" if "space" in self.filters else "pds:5"

    def num_steps(self, speed_up: int) -> int:
        """Return N."""
        return int(self.num_scales / speed_up)


EXPERIMENTS = (
    Experiment(
        "cifar10", "cifar10_ncsnpp_deep_continuous", 32, 1000, ("freq",), (1, 10, 15, 20, 30), 512
    ),
    Experiment("church", "church_ncsnpp_continuous", 256, 2000, ("freq",), (1, 10, 15, 20, 30), 16),
    Experiment(
        "bedroom", "bedroom_ncsnpp_continuous", 256, 2000, ("freq",), (1, 10, 12, 15, 20, 30), 16
    ),
    Experiment(
        "ffhq", "ffhq_ncsnpp_continuous", 1024, 2000, ("freq", "space"), (1, 10, 15, 20, 30), 2
    ),
)


def commands(experiment: Experiment) -> str:
    """Return the commands that draw and measure an experiment, as a block of the document."""
    name, work = experiment.name, f"runs/{experiment.name}"
    masks = " ".join(f"--{kind}_mask_path {name}_{kind}.npy" for kind in experiment.filters)
    counts = [experiment.num_steps(speed_up) for speed_up in experiment.speed_ups]
    folders = " ".join(f"{work}/{n} {work}/{n}/vanilla" for n in counts)
    lines = (
        f"python -m pds filter {name}_200 --size {experiment.size} --out {name}",
        *(
            f"python main.py --config configs/ve/{experiment.config}.py --workdir {work} "
            f"--eval_folder {n} --speed_up {speed_up} {masks} --compare "
            f"--num_samples {NUM_IMAGES} --batch_size {experiment.batch_size}"
            for speed_up, n in zip(experiment.speed_ups, counts, strict=True)
        ),
        f"python -m pds evaluate --drawn {folders} --data {name}_images --inception {WEIGHTS} "
        f"--device cuda --record {MEASURED.relative_to(ROOT)}",
    )
    reason = "<!-- not run: it needs the checkpoint, the data set and a GPU -->"
    return "\n".join([reason, "```bash", *map(_folded, lines), "```"])


def _folded(command: str) -> str:
    """Wrap a command at `WIDTH`; a flag stays on the line of its first value."""
    glued = re.sub(r"(--\w+) (?!-)", "\\1\0", command)
    lines = textwrap.wrap(glued, WIDTH, break_long_words=False, break_on_hyphens=False)
    return " \\\n    ".join(lines).replace("\0", " ")


def cells(experiment: Experiment) -> str:
    """Return the table of an experiment: reported FIDs beside those measured here."""
    by_cell = {(row["experiment"], int(row["N"]), row["sampler"]): row for row in reported()}
    here = measured(fid_record.read(MEASURED))

    def line(speed_up: int, sampler: str) -> Iterator[object]:
        count = experiment.num_steps(speed_up)
        cell = experiment.config, count, sampler
        yield from (count, speed_up, sampler, f"{2 * count:,}")
        published = by_cell.get(cell)
        yield f"{published['fid']} ({published['source']})" if published else ""
        row = here.get(cell)
        yield f"{row.fid:.2f} ({row.images:,} images, {row.date})" if row else ""

    titles = ("N", "speed-up", "sampler", "network calls an image", "FID, reported", "FID, here")
    return table(
        titles,
        (line(s, arm) for s in experiment.speed_ups for arm in ("vanilla", experiment.sampler)),
    )


def reported() -> list[dict[str, str]]:
    """Return the FIDs that a source was seen to report."""
    with REPORTED.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def measured(rows: list[Measured]) -> dict[tuple[str, int, str], Measured]:
    """Return the row of each experiment, N and sampler with the most pictures, the last of them."""
    chosen: dict[tuple[str, int, str], Measured] = {}
    for row in rows:
        cell = row.experiment, row.num_steps, row.sampler
        if cell not in chosen or row.images >= chosen[cell].images:
            chosen[cell] = row
    return chosen


def cost() -> str:
    """Return the network calls of each experiment's table."""

    def line(experiment: Experiment) -> Iterator[object]:
        calls = sum(2 * experiment.num_steps(speed_up) for speed_up in experiment.speed_ups)
        yield from (experiment.name, f"{calls:,}", f"{2 * NUM_IMAGES * calls:,}")

    titles = ("experiment", "an image at all N of the table", f"{NUM_IMAGES:,} by both samplers")
    return table(titles, map(line, EXPERIMENTS))


PLACES: dict[str, Callable[[], str]] = {
    **{f"commands: {e.name}": partial(commands, e) for e in EXPERIMENTS},
    **{f"table: {e.name}": partial(cells, e) for e in EXPERIMENTS},
    "table: cost": cost,
}
"""The content of each place of the document."""


def filled(document: str) -> str:
    """Return the document with all commands and tables as they are now.

    Raises:
        ValueError: if one has no place in it, or a place has none.
    """
    places = re.findall(r"<!-- ((?:commands|table): \w+) -->", document)
    if sorted(places) != sorted(PLACES):
        raise ValueError(f"the document must have a place for each of {', '.join(PLACES)}")
    for name, content in PLACES.items():
        place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text = content().replace("\\", r"\\")
        document = place.sub(rf"\1\n{text}\n\n\2", document)
    return document


def main(document: Path = DOCUMENT) -> None:
    """Write the document anew."""
    document.write_text(filled(document.read_text(encoding="utf-8")), encoding="utf-8")
    print(document)


if __name__ == "__main__":
    main()
