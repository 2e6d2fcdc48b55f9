"""Several samplers at several numbers of iterations."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from pds.arms.names import Arm
from pds.jobs.hosting import from_page
from pds.jobs.sheet import SAMPLERS, Progress, Sheet, count, draw_sheet
from pds.request import Request
from pds.web.api.pictures import data_url
from pds.web.grain_contrast import by_name
from pds.web.tabs.ladder.tab import column_message


def sheet(
    num_steps: list[int],
    samplers: list[str] | None = None,
    model: str = Request.model,
    num_images: int = Sheet.num_images,
    seed: int = Request.seed,
) -> Iterator[dict[str, Any]]:
    """Sample the same noise by several samplers at several numbers of iterations, cell by cell.

    Args:
        num_steps: the columns, numbers of iterations, at most 12, for example [66, 25, 20].
        samplers: the rows, names as of /compare without "@", at most 6, for example
            ["vanilla", "pds:2", "pds:5"]; null for vanilla, pds:5 and tuned.
        model: one of the demo's models, for example "portraits64".
        num_images: images of each cell, 1 to 4; rows x images x the sum of num_steps is at most
            144,000.
        seed: image i of every cell starts from seed + i.

    Yields:
        for each cell, the columns from the quickest to the slowest: sampler, num_steps, calls
        (network calls for each image), diverged (whether most of the images is lost); grain,
        contrast and noise_left as of /compare; and image, its images one above the other as a
        lossless PNG data URL.
    """
    names = SAMPLERS if samplers is None else samplers
    chosen = Sheet(names, num_steps, model, num_images, seed)
    with closing(draw_sheet(chosen)) as items:
        for column in items:
            if isinstance(column, Progress):
                continue
            message = column_message(chosen, column)
            measured = by_name(chosen.samplers, message)
            for row, (name, cell) in enumerate(zip(chosen.samplers, column, strict=True)):
                yield {
                    "sampler": name,
                    "num_steps": message["num_steps"],
                    "calls": cell.numbers.calls,
                    "diverged": cell.numbers.diverged,
                    **{measure: measured[measure][name] for measure in measured},
                    "noise_left": message["left"][row],
                    "image": data_url(cell.picture),
                }


def ladder(
    num_steps: list[int],
    model: str = Request.model,
    alpha: float = Request.alpha,
    seed: int = Request.seed,
) -> Iterator[dict[str, Any]]:
    """Sample the same noise at several numbers of iterations and stream each as it is done.

    Args:
        num_steps: numbers of iterations, at most 12, for example [66, 25, 20].
        model: one of the demo's models, for example "portraits64".
        alpha: strength of the PDS filter, above 1; larger is weaker.
        seed: image i starts from seed + i.

    Yields:
        num_steps; grain, contrast and noise_left as of /compare, and images (two, one above the
        other, as lossless PNG data URLs) of "vanilla", "pds" and "tuned", which has no filter but
        the noise levels and the corrector's snr that are best at that N for Gaussian data of
        the same spectrum.
    """
    alpha = from_page({"alpha": alpha}).alpha
    counts = num_steps
    if isinstance(num_steps, list):
        counts = list(dict.fromkeys(count(n) for n in num_steps))
    chosen = Sheet(("vanilla", str(Arm("pds", alpha)), "tuned"), counts, model, seed=seed)
    names = ("vanilla", "pds", "tuned")
    with closing(draw_sheet(chosen)) as items:
        for column in items:
            if isinstance(column, Progress):
                continue
            message = column_message(chosen, column)
            yield {
                "num_steps": message["num_steps"],
                **by_name(names, message),
                "noise_left": dict(zip(names, message["left"], strict=True)),
                "images": {
                    name: data_url(cell.picture) for name, cell in zip(names, column, strict=True)
                },
            }
