"""What only a GPU has: memory, graphs, and the published 1024 px network at its real width."""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor, nn

from pds.bench import subjects
from pds.bench.rows import Row, at_least, at_most, skipped
from pds.bench.timing import Effort, Measurement, Work, versus
from pds.models import default_device
from pds.sampling import ScoreFn
from pds.scores.ncsnpp import NetworkScore
from pds.serving import acceleration
from pds.serving.batcher import Batcher

FFHQ = "FFHQ 1024 px, 1 image"


def rows(effort: Effort) -> Iterator[Row]:
    """Yield the rows of a GPU, or a skipped row without one."""
    if not torch.cuda.is_available():
        yield skipped("GPU", "memory, graphs, FFHQ 1024 px", "torch finds no CUDA device")
        return
    score = subjects.embedded().score
    x = torch.randn(8, 3, 32, 32, device=default_device())
    t = torch.full((8,), 0.5, device=default_device())
    yield Row(
        "GPU, embedded network, batch 8",
        "eager / CUDA graph",
        _graph_gain(score, x, t, effort),
        at_least(3),
    )
    yield from _ffhq(effort)


def _ffhq(effort: Effort) -> Iterator[Row]:
    score = subjects.with_random_weights(subjects.card("ffhq_ncsnpp_continuous"))
    x, t = subjects.batch(score, 1)
    batcher = _batcher(score)
    convolutions = convolutions_of(score, x, t)

    # An iteration calls the network twice.
    twice = partial(run_alone, convolutions + convolutions)
    iterating = versus(lambda: subjects.iterate(batcher), twice, effort)
    yield Row(f"GPU, {FFHQ}", "iteration / its convolutions alone", iterating, at_most(1.5))
    del convolutions, twice
    memory = peak_memory(lambda: subjects.iterate(batcher))
    yield Row(f"GPU, {FFHQ}", "memory of an iteration, weights included", memory)
    half = _batcher(score.in_precision(torch.bfloat16))
    dtypes = versus(lambda: subjects.iterate(batcher), lambda: subjects.iterate(half), effort)
    yield Row(f"GPU, {FFHQ}", "iteration in float32 / in bfloat16", dtypes)
    yield Row(f"GPU, {FFHQ}", "eager / CUDA graph", _graph_gain(score, x, t, effort))


def _graph_gain(score: ScoreFn, x: Tensor, t: Tensor, effort: Effort) -> Measurement:
    fast = graphed(score, x, t)
    return versus(lambda: _call(score, x, t), lambda: _call(fast, x, t), effort)


def _batcher(score: ScoreFn) -> Batcher:
    sde = subjects.card("ffhq_ncsnpp_continuous").sde
    m = subjects.natural_filter(1024)
    return subjects.batcher(score, subjects.run(sde, (1, 3, 1024, 1024), [m]))


@torch.no_grad()
def _call(score: ScoreFn, x: Tensor, t: Tensor) -> Tensor:
    return score(x, t)


def graphed(score: ScoreFn, x: Tensor, t: Tensor) -> ScoreFn:
    """Return the score compiled by `pds.serving.acceleration`, warmed up."""
    fast = acceleration.cuda_graphs(score)
    # The first call compiles, the second records a graph, the third replays it.
    for _ in range(3):
        _call(fast, x, t)
    return fast


def peak_memory(work: Work) -> Measurement:
    """Return the most memory allocated while `work` runs."""
    torch.cuda.reset_peak_memory_stats()
    work()
    gib = torch.cuda.max_memory_allocated() / 2**30
    return Measurement(gib, gib, gib, 1, "GiB")


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
