"""Many visitors: one engine for all of them against an engine for each, and one big batch."""

from collections.abc import Iterator, Sequence

from pds.bench import subjects
from pds.bench.rows import Row, at_least, at_most
from pds.bench.timing import Effort, Work, alternate, figure, versus
from pds.chains import Chains
from pds.engine import Engine
from pds.models import Experiment, Request
from pds.preconditioners import Identity

VISITORS = (1, 4, 16, 30)
ITERATIONS = 5
CLASS_IMAGES = 4


def rows(effort: Effort) -> Iterator[Row]:
    """Yield joint / separate for each number of visitors, then the throughput of the most."""
    model = subjects.embedded()
    note = "one iteration of everybody; 1 image each, both chains, alphas of their own"
    for visitors in VISITORS[:2] if effort.quick else VISITORS:
        yield Row(
            f"engine, {visitors} visitor{'s' * (visitors > 1)}",
            "joint engine / an engine each",
            versus(_joint(model, visitors), _separate(model, visitors), effort),
            note=note,
        )
    most = VISITORS[1] if effort.quick else VISITORS[-1]
    yield Row(
        f"engine, {most} visitors' throughput",
        "joint engine / one run of as many images",
        versus(several(_one_run(model, most)), several(_joint(model, most)), effort),
        at_least(0.9),
        note=f"at most {model.engine.max_images} images to a network call",
    )
    yield Row(
        f"engine, {most} visitors who come at once",
        "seconds until the last has a first frame",
        figure(*alternate([_arrival(model, most)], effort)),
        at_most(2),
        note=f"{CLASS_IMAGES} images each, both chains; no web server",
    )


class Pace:
    """Take half steps until the runs have ended one more iteration each, on average.

    Where they do not all fit into one call, some are ahead after it; that counts for the next time.
    """

    def __init__(self, engine: Engine, runs: Sequence[Chains]) -> None:
        self.engine, self.runs, self.due = engine, runs, 0

    def __call__(self) -> None:
        self.due += len(self.runs)
        while sum(run.index for run in self.runs) < self.due:
            self.engine.step()


def several(work: Work) -> Work:
    """Return the work done `ITERATIONS` times, so that a call more or less is no matter."""

    def repeated() -> None:
        for _ in range(ITERATIONS):
            work()

    return repeated


def _arrival(model: Experiment, count: int) -> Work:
    """Return the work of giving everybody of a crowd a first iteration."""

    def arrive() -> None:
        runs, most = _visitors(model, count, CLASS_IMAGES), model.engine.max_images
        engine = subjects.engine(model.score, model.sde, *runs, max_images=most)
        while any(run.index == 0 for run in runs):
            engine.step()

    return arrive


def _visitors(model: Experiment, count: int, images: int = 1) -> list[Chains]:
    shape = (images, *model.image_shape)
    requests = [Request(alpha=2 + visitor / 4) for visitor in range(count)]
    return [
        subjects.chains(
            model.sde, shape, (Identity(), model.method(request).preconditioner), seed=seed
        )
        for seed, request in enumerate(requests)
    ]


def _joint(model: Experiment, count: int) -> Work:
    runs, most = _visitors(model, count), model.engine.max_images
    engine = subjects.engine(model.score, model.sde, *runs, max_images=most)
    return Pace(engine, runs)


def _separate(model: Experiment, count: int) -> Work:
    engines = [subjects.engine(model.score, model.sde, run) for run in _visitors(model, count)]
    return lambda: subjects.iterate(*engines)


def _one_run(model: Experiment, count: int) -> Work:
    both = (Identity(), model.method(Request()).preconditioner)
    run = subjects.chains(model.sde, (count, *model.image_shape), both)
    engine = subjects.engine(model.score, model.sde, run)
    return lambda: subjects.iterate(engine)
