"""Whole runs: portraits a second in large batches."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from pds.bench import subjects
from pds.bench.graphs import NO_GRAPHS, page_graph
from pds.bench.rows import Row, guarded, skipped
from pds.bench.timing import Effort, Work, alternate, median_and_range
from pds.driving import seeded_noise, side_by_side, steps
from pds.models import Model
from pds.request import Request
from pds.sampling import ScoreFn

NUM_STEPS = 40
BATCHES = (8, 64, 512)


def rows(effort: Effort) -> Iterator[Row]:
    """Yield vanilla and PDS portraits a second for each batch, eager and as a CUDA graph."""
    model = subjects.embedded()
    num_steps = 4 if effort.quick else NUM_STEPS
    few = replace(effort, num_runs=min(3, effort.num_runs), fewest_runs=1)
    for count in (2,) if effort.quick else BATCHES if subjects.ON_GPU else BATCHES[:1]:
        name = f"runs, {count} + {count} portraits of 32 px, N = {num_steps}"
        yield from guarded(name, _rows(name, model, count, num_steps, few))


def _rows(name: str, model: Model, count: int, num_steps: int, effort: Effort) -> Iterator[Row]:
    for form, score in _forms(model, count):
        what = f"portraits a second, both chains, {form}"
        if score is None:
            yield skipped(name, what, NO_GRAPHS)
            continue
        times = median_and_range(*alternate([_run(model, score, count, num_steps)], effort))
        thousand = 1000 * times.median / (2 * count)
        note = f"at this rate 1000 portraits take {thousand:.3g} s"
        yield Row(name, what, times.per(2 * count, "/s"), note=note)


def _forms(model: Model, count: int) -> Iterator[tuple[str, ScoreFn | None]]:
    yield "eager", model.score
    if not subjects.ON_GPU:
        yield "a CUDA graph", None
        return
    x, t = subjects.batch(subjects.embedded_network(), 2 * count)
    # Samplers pass t in float64.
    yield "a CUDA graph", page_graph(model.score, x, t.double())


def _run(model: Model, score: ScoreFn, count: int, num_steps: int) -> Work:
    request = Request(num_steps=num_steps)
    samplers = [plan.sampler for plan in model.plans(request)]

    def run() -> None:
        chains = side_by_side(
            samplers,
            model.sde,
            noise=seeded_noise(range(count), device=model.device),
            shape=(count, *model.image_shape),
        )
        deque(steps(score, chains), maxlen=0)

    return run
