"""Many visitors: one batcher for all of them against a batcher for each, and one big batch."""

from collections.abc import Iterator

from pds.bench import subjects
from pds.bench.rows import Row, at_least, at_most
from pds.bench.timing import Effort, Work, alternate, figure, versus
from pds.models import Model
from pds.preconditioners import Identity
from pds.request import Request
from pds.sampling import JointChain
from pds.serving.batcher import Batcher

VISITORS = (1, 4, 16, 30)
ITERATIONS = 5
CLASS_IMAGES = 4


def rows(effort: Effort) -> Iterator[Row]:
    """Yield joint / separate for each number of visitors, then the throughput of the most."""
    model = subjects.embedded()
    note = "one iteration of every visitor; 1 image each, both chains, different alphas"
    for visitors in VISITORS[:2] if effort.quick else VISITORS:
        yield Row(
            f"engine, {visitors} visitor{'s' * (visitors > 1)}",
            "one batcher / a batcher each",
            versus(_joint(model, visitors), _separate(model, visitors), effort),
            note=note,
        )
    most = VISITORS[1] if effort.quick else VISITORS[-1]
    yield Row(
        f"engine, {most} visitors' throughput",
        "one batcher / one run of as many images",
        versus(several(_one_run(model, most)), several(_joint(model, most)), effort),
        at_least(0.9),
        note=f"at most {model.batchers[model.device].max_images} images to a network call",
    )
    yield Row(
        f"engine, {most} visitors who come at once",
        "seconds until the last has a first frame",
        figure(*alternate([_arrival(model, most)], effort)),
        at_most(2),
        note=f"{CLASS_IMAGES} images each, both chains; no web server",
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
        runs, most = _visitors(model, count, CLASS_IMAGES), model.batchers[model.device].max_images
        batcher, waiting = subjects.batcher(model.score, *runs, max_images=most), set(runs)
        while waiting:
            waiting -= {progress.run for progress in batcher.step() if progress.steps}

    return arrive


def _visitors(model: Model, count: int, images: int = 1) -> list[JointChain]:
    shape = (images, *model.image_shape)
    requests = [Request(alpha=2 + visitor / 4) for visitor in range(count)]
    return [
        subjects.run(model.sde, shape, (Identity(), model.method(request).m), seed=seed)
        for seed, request in enumerate(requests)
    ]


def _joint(model: Model, count: int) -> Work:
    runs, most = _visitors(model, count), model.batchers[model.device].max_images
    return Pace(subjects.batcher(model.score, *runs, max_images=most))


def _separate(model: Model, count: int) -> Work:
    batchers = [subjects.batcher(model.score, run) for run in _visitors(model, count)]
    return lambda: subjects.iterate(*batchers)


def _one_run(model: Model, count: int) -> Work:
    both = (Identity(), model.method(Request()).m)
    run = subjects.run(model.sde, (count, *model.image_shape), both)
    batcher = subjects.batcher(model.score, run)
    return lambda: subjects.iterate(batcher)
