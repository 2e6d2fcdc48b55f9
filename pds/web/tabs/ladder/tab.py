"""The tab "Ladder": the paper's figure, the same images at fewer and fewer iterations."""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pds import spectra
from pds.appearance import Appearance
from pds.arms.names import Arm
from pds.files.pictures import view
from pds.files.shipped import ROOT
from pds.jobs.hosting import from_page
from pds.limits import MAX_SEED
from pds.models import LADDER, MODELS, load_model, run_chains
from pds.request import Request
from pds.sampling import Sampler, Step
from pds.web.looks import looks, own
from pds.web.sentences import grain_begins
from pds.web.server.messages import Message, dumps, finite, picture
from pds.web.tab import Run, Tab

RECORDED = ROOT / "assets" / "ladder.json"
COUNTS = (*LADDER, 20, 10)
"""Columns: the paper's iteration counts, and two more, where the embedded models differ most."""
ROWS = ("Vanilla", "PDS", "Tuned")
NUM_IMAGES = 2
LOST = 0.5
"""Share of values outside [0, 1] from which on the figure says that a sampler diverged."""
INTERVAL = 0.3
"""Least time between two messages about progress, in seconds."""


def setup() -> Message:
    """Return the values that the script needs before its first request."""
    models = [{"name": name, "title": title} for name, (title, _) in MODELS.items()]
    return {"counts": list(COUNTS), "rows": ROWS, "models": models, "limits": {"seed": MAX_SEED}}


def recorded(path: Path = RECORDED) -> str:
    """Return the shipped figure as a message, or one that says how to record it."""
    if not path.is_file():
        sentence = f"No recorded figure at {path.name}; run python -m pds record --ladder."
        return dumps({"kind": "error", "sentence": sentence})
    return path.read_text(encoding="utf-8")


def record(request: Request, path: Path = RECORDED, *, counts: Sequence[int] = COUNTS) -> Message:
    """Draw the figure of a request, whose own N is ignored, and write it."""
    *_, whole = figure(replace(request, num_images=NUM_IMAGES), counts)
    path.write_text(dumps(whole) + "\n", encoding="utf-8")
    return whole


def messages(values: Mapping[str, Any]) -> Generator[Message, None, None]:
    """Draw the figure that the page requests.

    Args:
        values: seed, alpha and model of a `Request`; long, whether N = 2000 is drawn too.
    """
    request = from_page(
        {
            "model": values.get("model", Request.model),
            "alpha": values.get("alpha", Request.alpha),
            "seed": values.get("seed", -1),
            "num_images": NUM_IMAGES,
        }
    )
    counts = [n for n in COUNTS if values.get("long") is True or n < max(COUNTS)]
    return figure(request, counts)


def figure(request: Request, counts: Sequence[int]) -> Generator[Message, None, None]:
    """Draw a column for each count, from the quickest to the slowest.

    Yields:
        "progress" with the share that is drawn and the seconds left; a "column" for each count; and
        at last "done" with all columns.
    """
    progress = _Progress(sum(counts))
    columns: dict[int, Message] = {}
    for n in sorted(counts):
        at = replace(request, num_steps=n)
        with closing(run_chains(at, partial(_rows, at))) as run:
            for steps in run:
                message = progress.advance(steps[0])
                if message:
                    yield message
        columns[n] = {"num_steps": n, **_column(request, [step.x_mean for step in steps])}
        yield {"kind": "column", "request": asdict(request), **columns[n]}
    ordered = [columns[n] for n in counts]
    sentence = grain_begins(_grain(ordered), ROWS, own(load_model(request.model)))
    yield {"kind": "done", "request": asdict(request), "columns": ordered, "sentence": sentence}


def _grain(columns: Sequence[Message]) -> dict[int, list[float | None]]:
    """Return the relative grain of each column by its N, None where most of a picture is lost."""
    return {
        column["num_steps"]: [
            None if outside is None or outside > LOST else grain
            for grain, outside in zip(column["grain"]["network"], column["outside"], strict=True)
        ]
        for column in columns
    }


class _Progress:
    """The share of a figure that is drawn and the time left, at most once per `INTERVAL`.

    Args:
        total: iterations, over all columns.
    """

    def __init__(self, total: int) -> None:
        self.total, self.done, self.start, self.due = total, 0, time.perf_counter(), 0.0

    def advance(self, step: Step) -> Message | None:
        """Count a step, and return a message if one is due."""
        self.done += 1
        now = time.perf_counter()
        if now < self.due:
            return None
        self.due = now + INTERVAL
        left = (now - self.start) / self.done * (self.total - self.done)
        return {
            "kind": "progress", "num_steps": step.num_steps, "iteration": step.index + 1,
            "share": finite(self.done / self.total), "seconds": finite(left),
        }  # fmt: skip


def _rows(request: Request, device: str) -> tuple[Sampler, ...]:
    """Return the sampler of each of `ROWS`, with its filter on a device."""
    model = load_model(request.model)
    arms = (Arm("vanilla"), Arm("pds", request.alpha), Arm("tuned"))
    return tuple(model.plan(arm, request.num_steps, device=device).sampler for arm in arms)


def _column(request: Request, chains: Sequence[Any]) -> Message:
    """Return how the images of all chains look, and the images, one above the other.

    "outside" is the share of their values that are not in [0, 1] and are shown as 0 or 1.
    """
    model = load_model(request.model)
    sides = [Appearance.of(x) for x in chains]
    data = spectra.fine_power(model.data_power)
    images = [view(x.float().cpu().numpy()) for x in chains]
    return {
        **looks(sides, model),
        "left": [finite(side.fine_power / data) for side in sides],
        "outside": [finite(float(((x < 0) | (x > 1)).float().mean())) for x in chains],
        "pictures": [picture(np.concatenate(tiles, axis=0)) for tiles in images],
    }


TAB = Tab(
    name="ladder",
    title="Ladder",
    folder=Path(__file__).parent,
    html="ladder.html",
    scripts=("format.js", "server.js", "pane.js", "health.js", "ladder.js"),
    setup=setup,
    views={"recorded_ladder": lambda _: recorded()},
    run=Run("draw", "ladder", messages),
)
