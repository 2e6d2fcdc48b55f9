"""Cost of an iteration, and grain of the result: the times of vanilla and PDS at equal grain.

Vanilla is sampled at `NUM_STEPS` iterations, PDS there and at fewer, all from the same seeds. The
number of iterations at which PDS has vanilla's grain is interpolated in the logarithms of both.
"""

import math
import statistics
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from pds.appearance import grain
from pds.bench import subjects
from pds.bench.rows import Row, skipped
from pds.bench.timing import Effort, Measurement, Work, alternate, median_and_range, ratio
from pds.models import run_chains
from pds.preconditioners import Identity, Preconditioner
from pds.request import Request
from pds.sampling import Sampler

NUM_STEPS = 40
FEWER = (33, 25, 20, 15)
"""Iterations of PDS that bracket the grain of vanilla at `NUM_STEPS`."""


def rows(effort: Effort) -> Iterator[Row]:
    """Yield an iteration's time and the grain of each sampler, then both at equal grain."""
    images = 2 if effort.quick else 8
    vanilla, pds = measured_grain(images)
    times = alternate(_iterations(images), effort)
    for name, seconds, left in zip(("vanilla", "PDS"), times, (vanilla, pds), strict=True):
        iteration = median_and_range(seconds).scaled(1e3, "ms")
        yield Row(f"quality, {name}, {images} images", "an iteration", iteration)
        what = "grain / that of the network's own images"
        yield Row(f"quality, {name} N = {NUM_STEPS}", what, _spread(left[NUM_STEPS]))
    what = f"iterations with the grain of vanilla N = {NUM_STEPS}"
    medians = {n: statistics.median(values) for n, values in pds.items()}
    at = equal(medians, statistics.median(vanilla[NUM_STEPS]))
    if at is None:
        why = f"PDS has it at no N from {min(pds)} to {max(pds)}"
        yield skipped("quality, PDS at equal grain", what, why)
        return
    num_steps, low, high = at
    iterations = Measurement(num_steps, low, high, images, "iterations")
    yield Row("quality, PDS at equal grain", what, iterations)
    share = ratio(times[1], times[0]).scaled(num_steps / NUM_STEPS, "x")
    note = "equal grain, not equal contrast: see pds ladder"
    yield Row("quality, time at equal grain", "PDS / vanilla", share, note=note)


Grain = Mapping[int, Sequence[float]]
"""Grain of each image relative to the network's own pictures, by number of iterations."""


def measured_grain(num_images: int) -> tuple[Grain, Grain]:
    """Sample vanilla at `NUM_STEPS`, PDS there and at `FEWER`, and return the grain of both."""
    model, request = subjects.embedded(), Request(num_images=num_images)
    counts = (NUM_STEPS, *FEWER)

    def samplers(device: str) -> list[Sampler]:
        ours = (model.method(Request(num_steps=n), device=device) for n in counts)
        return [model.sampler(NUM_STEPS), *ours]

    (last,) = deque(run_chains(request, samplers), maxlen=1)
    assert model.references is not None, "assets/appearance.json is shipped"
    own = model.references.network.grain
    left = [(grain(step.x_mean).mean(1) / own).tolist() for step in last]
    return {NUM_STEPS: left[0]}, dict(zip(counts, left[1:], strict=True))


def equal(grain: Mapping[int, float], target: float) -> tuple[float, int, int] | None:
    """Return the N at which a sampler's grain is the target, and the two measured N around it.

    Args:
        grain: by N.
        target: grain, > 0.

    Returns:
        the largest such N; None if the grain of all measured N is larger, or smaller.
    """
    counts = sorted(grain, reverse=True)
    for high, low in pairwise(counts):
        less, more = grain[high], grain[low]
        if less <= target <= more and 0 < less < more:
            part = math.log(target / less) / math.log(more / less)
            return high * (low / high) ** part, low, high
    return None


def _iterations(num_images: int) -> list[Work]:
    """Return one iteration of vanilla and one of PDS."""
    model = subjects.embedded()
    shape = (num_images, *model.image_shape)

    def iteration(m: Preconditioner) -> Work:
        batcher = subjects.batcher(model.score, subjects.run(model.sde, shape, [m]))
        return lambda: subjects.iterate(batcher)

    return [iteration(Identity()), iteration(subjects.published_m(model))]


def _spread(values: Sequence[float]) -> Measurement:
    return Measurement(statistics.median(values), min(values), max(values), len(values))
