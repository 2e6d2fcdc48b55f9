"""One sample by the embedded network of 32 px, and whether its grain is as expected."""

import time

from pds.commands.doctor.section import Progress, Section
from pds.limits import one_line

MODEL, NUM_STEPS, NUM_IMAGES = "portraits32", 25, 4

GRAIN = {"vanilla": (3.4, 4.4), "PDS": (1.2, 1.9)}
"""Bounds of the grain of each sampler, relative to the network's own pictures.

At N = 25, ten runs of 4 images with other seeds have 3.73 to 4.13 and 1.43 to 1.69. The bounds are
wider by most of such a range on each side, so that other random numbers pass, too.
"""


def check(progress: Progress) -> Section:
    """Draw 4 + 4 images side by side, and compare their grain with `GRAIN`."""
    progress(f"sampling {NUM_IMAGES} + {NUM_IMAGES} images with N = {NUM_STEPS}")
    section = Section("sample", {"model": MODEL, "N": NUM_STEPS, "images": 2 * NUM_IMAGES})
    try:
        seconds, grain = draw_sample()
    # Whatever fails here is what the report is for.
    except Exception as error:
        section.problems.append(
            f"sampling failed ({type(error).__name__}: {one_line(error)}): solve the "
            "problems above; if there are none, report this one"
        )
        return section
    section.facts |= {"seconds": round(seconds, 2), "grain": grain}
    section.problems = _problems(grain)
    return section


def draw_sample() -> tuple[float, dict[str, float]]:
    """Return the seconds that the sample takes, and the grain of each sampler."""
    from pds.jobs import comparison
    from pds.models import load_model
    from pds.request import Request

    load_model(MODEL)
    started = time.perf_counter()
    request = Request(model=MODEL, num_steps=NUM_STEPS, alpha=5, num_images=NUM_IMAGES)
    left, right = comparison.final(request)
    assert left.quality is not None and right.quality is not None
    grain = {"vanilla": left.quality.grain, "PDS": right.quality.grain}
    return time.perf_counter() - started, {name: round(value, 3) for name, value in grain.items()}


def _problems(grain: dict[str, float]) -> list[str]:
    """Return a sentence for each sampler whose grain is out of bounds, or not a number."""
    return [
        f"{name} leaves {grain[name]:g} times the network's own grain, expected {low:g} to "
        f"{high:g}: this machine computes something else; try PDS_DEVICES=cpu and "
        "OMP_NUM_THREADS=1, and report which of them helps"
        for name, (low, high) in GRAIN.items()
        if not low <= grain[name] <= high
    ]
