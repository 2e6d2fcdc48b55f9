"""An iteration of the published networks at their real width: against its convolutions, and memory.

iteration / the same convolutions one after the other, with nothing in between
"""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pds.bench import subjects
from pds.bench.graphs import GRAPH, NO_GRAPHS, page_graph
from pds.bench.rows import Row, at_most, guarded, skipped
from pds.bench.timing import (
    Effort,
    Measurement,
    Work,
    alternate,
    median_and_range,
    ratio,
    single,
    versus,
)
from pds.sampling import ScoreFn
from pds.scores.ncsnpp import ModelCard, NetworkScore


class Subject(NamedTuple):
    """A network, how many images it iterates on, and the largest iteration / convolutions."""

    name: str
    card: ModelCard
    images: int
    bound: float | None = None
    note: str = "random weights"

    @property
    def title(self) -> str:
        """Return the name of its rows."""
        return f"iteration, {self.name}, {self.images} image{'s' * (self.images > 1)}"


def rows(effort: Effort) -> Iterator[Row]:
    """Yield for each network its iteration, the ratios, and its memory on a GPU."""
    for subject in _subjects(effort):
        score = subjects.with_random_weights(subject.card)
        yield from guarded(subject.title, _rows(subject, score, effort))


def _subjects(effort: Effort) -> Iterator[Subject]:
    ffhq, church = (f"{name}_ncsnpp_continuous" for name in ("ffhq", "church"))
    if effort.quick:
        small = "narrow, random weights"
        yield Subject("FFHQ 128 px", subjects.card(ffhq, size=128, nf=4), 1, 1.5, small)
        yield Subject("church 64 px", subjects.card(church, size=64, nf=8), 1, note=small)
        return
    size = 1024 if subjects.ON_GPU else 256
    yield Subject(f"FFHQ {size} px", subjects.card(ffhq, size=size), 1, 1.5)
    yield Subject("church 256 px", subjects.card(church), 1)
    if subjects.ON_GPU:
        yield Subject("church 256 px", subjects.card(church), 8)


def _rows(subject: Subject, score: NetworkScore, effort: Effort) -> Iterator[Row]:
    x, t = subjects.batch(score, subject.images)
    name = subject.title
    m = subjects.natural_filter(x.shape[-1])
    batcher = subjects.batcher(score, subjects.run(score.sde, x.shape, [m]))
    iterate = partial(subjects.iterate, batcher)
    yield from _memory(name, iterate)
    convolutions = convolutions_of(score, x, t)
    # An iteration calls the network twice.
    times = alternate([iterate, partial(run_alone, convolutions + convolutions)], effort)
    del convolutions
    yield Row(
        name,
        "an iteration with PDS",
        median_and_range(times[0]).scaled(1e3, "ms"),
        note=subject.note,
    )
    target = None if subject.bound is None else at_most(subject.bound)
    yield Row(name, "iteration / its convolutions alone", ratio(*times), target)
    yield from _launched_otherwise(name, score, x, t, effort)


def _memory(name: str, iterate: Work) -> Iterator[Row]:
    what = "most memory of an iteration, weights included"
    if subjects.ON_GPU:
        yield Row(name, what, peak_memory(iterate))
    else:
        yield skipped(name, what, "counted on a GPU only")


def _launched_otherwise(
    name: str, score: ScoreFn, x: Tensor, t: Tensor, effort: Effort
) -> Iterator[Row]:
    """Yield eager / CUDA graph, and eager / with cuDNN's fastest convolutions."""
    graph, tuned = (
        f"a network call: eager / {GRAPH}",
        "a network call: eager / with cuDNN autotuning",
    )
    if not subjects.ON_GPU:
        yield skipped(name, graph, NO_GRAPHS)
        yield skipped(name, tuned, "only a GPU has cuDNN")
        return
    plain = torch.no_grad()(score)
    fast = page_graph(score, x, t)
    yield Row(name, graph, versus(lambda: plain(x, t), lambda: fast(x, t), effort))
    autotuned = with_autotuning(plain)
    note = "torch.backends.cudnn.benchmark: the first call times all algorithms"
    measured = versus(lambda: plain(x, t), lambda: autotuned(x, t), effort)
    yield Row(name, tuned, measured, note=note)


def with_autotuning(score: ScoreFn) -> ScoreFn:
    """Return the score function with cuDNN's search for the fastest convolutions."""

    def call(x: Tensor, t: Tensor) -> Tensor:
        kept, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, True
        try:
            return score(x, t)
        finally:
            torch.backends.cudnn.benchmark = kept

    return call


def peak_memory(work: Work) -> Measurement:
    """Return the most memory of a GPU allocated while `work` runs."""
    torch.cuda.reset_peak_memory_stats()
    work()
    return single(torch.cuda.max_memory_allocated() / 2**30, "GiB")


Convolutions = list[tuple[nn.Conv2d, Tensor]]


@torch.no_grad()
def convolutions_of(score: NetworkScore, x: Tensor, t: Tensor) -> Convolutions:
    """Return every convolution of a network call with an input of its size and layout."""
    convolutions: Convolutions = []
    inputs: dict[tuple[object, ...], Tensor] = {}

    def note(layer: nn.Module, args: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, nn.Conv2d)
        x = args[0]
        layout = (x.shape, x.stride(), x.dtype)
        convolutions.append((layer, inputs.setdefault(layout, torch.randn_like(x))))

    layers = [layer for layer in score.modules() if isinstance(layer, nn.Conv2d)]
    handles = [layer.register_forward_pre_hook(note) for layer in layers]
    score(x, t)
    for handle in handles:
        handle.remove()
    return convolutions


@torch.no_grad()
def run_alone(convolutions: Convolutions) -> None:
    """Run convolutions one after the other, with nothing in between."""
    for layer, x in convolutions:
        layer(x)
