"""Many visitors: one batcher for all of them against a batcher for each, and one big batch."""

from collections.abc import Iterator

from pds.bench import subjects
from pds.bench.rows import Row, at_least, at_most
from pds.bench.timing import Effort, Work, alternate, median_and_range, versus
from pds.models import Model
from pds.preconditioners import Identity
from pds.sampling import JointChain
from pds.serving.batcher import Batcher

VISITORS = (1, 4, 16, 30)
CROWDS = {False: (30,), True: (200, 30, 1)}
"""Visitors at once on a CPU and on a GPU."""
ITERATIONS = 5
CLASS_IMAGES = 4
NUM_STEPS = 66
"""Iterations of the runs whose first frame is timed."""


def rows(effort: Effort) -> Iterator[Row]:
    """Yield the throughput of crowds, their first frames, and joint / separate by their number."""
    model = subjects.embedded()
    crowds = VISITORS[1:2] if effort.quick else CROWDS[subjects.ON_GPU]
    for visitors in crowds:
        yield _throughput(model, visitors, effort)
    for visitors in crowds:
        if visitors > 1:
            yield _first_frames(model, visitors, effort)
    note = "one iteration of every visitor; 1 image each, both chains, different alphas"
    for visitors in VISITORS[:2] if effort.quick else VISITORS:
        yield Row(
            f"engine, {visitors} visitor{'s' * (visitors > 1)}",
            "one batcher / a batcher each",
            versus(_joint(model, visitors), _separate(model, visitors), effort),
            note=note,
        )


def _throughput(model: Model, visitors: int, effort: Effort) -> Row:
    together = versus(several(_one_run(model, visitors)), several(_joint(model, visitors)), effort)
    most = subjects.serving(model).max_images
    return Row(
        f"engine, throughput of {visitors} visitor{'s' * (visitors > 1)}",
        "one batcher / one run of as many images",
        together,
        at_least(0.9),
        note=f"1 image each, both chains; at most {most} images to a call",
    )


def _first_frames(model: Model, visitors: int, effort: Effort) -> Row:
    return Row(
        f"engine, {visitors} visitors who come at once",
        "seconds until the last has a first frame",
        median_and_range(*alternate([_arrival(model, visitors)], effort)),
        at_most(2),
        note=f"{CLASS_IMAGES} images each, both chains, N = {NUM_STEPS}; no web server",
    )


class Pace:
    """Make network calls until the runs have completed one more iteration each, on average.

    If they do not all fit into one call, the iterations of runs that are ahead count next time.
    """

    def __init__(self, batcher: Batcher) -> None:
        self.batcher, self.due, self.ended = batcher, 0, 0

    def __call__(self) -> None:
        self.due += self.batcher.num_runs
        while self.ended < self.due:
            self.ended += subjects.iterations(self.batcher)


def several(work: Work) -> Work:
    """Return the work repeated `ITERATIONS` times, so that one call more hardly matters."""

    def repeated() -> None:
        for _ in range(ITERATIONS):
            work()

    return repeated


def _arrival(model: Model, count: int) -> Work:
    """Return the work until `count` new runs have all completed their first iteration."""

    def arrive() -> None:
        runs = _visitors(model, count, images=CLASS_IMAGES, num_steps=NUM_STEPS)
        most = subjects.serving(model).max_images
        batcher, waiting = subjects.batcher(model.score, *runs, max_images=most), set(runs)
        while waiting:
            waiting -= {progress.run for progress in batcher.step() if progress.steps}

    return arrive


def _visitors(
    model: Model, count: int, *, images: int = 1, num_steps: int = subjects.LONG
) -> list[JointChain]:
    shape = (images, *model.image_shape)
    return [
        subjects.run(
            model.sde,
            shape,
            (Identity(), subjects.published_m(model, alpha=2 + visitor / 4)),
            seed=visitor,
            num_steps=num_steps,
        )
        for visitor in range(count)
    ]


def _joint(model: Model, count: int) -> Work:
    runs, most = _visitors(model, count), subjects.serving(model).max_images
    return Pace(subjects.batcher(model.score, *runs, max_images=most))


def _separate(model: Model, count: int) -> Work:
    batchers = [subjects.batcher(model.score, run) for run in _visitors(model, count)]
    return lambda: subjects.iterate(*batchers)


def _one_run(model: Model, count: int) -> Work:
    both = (Identity(), subjects.published_m(model))
    run = subjects.run(model.sde, (count, *model.image_shape), both)
    batcher = subjects.batcher(model.score, run)
    return lambda: subjects.iterate(batcher)
