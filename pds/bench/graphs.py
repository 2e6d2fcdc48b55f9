"""A network call launched kernel by kernel, as a CUDA graph, and compiled.

A network call launches hundreds of small kernels; on a GPU this may take longer than computing. A
CUDA graph is one launch of all of them. It is captured from the eager call, which takes as long as
a few calls, or from the compiled network, whose kernels are fused, after a minute.
"""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from pds.bench import subjects
from pds.bench.apart import rows_apart
from pds.bench.precision import as_the_page, largest_difference, noisy
from pds.bench.rows import Row, at_least, guarded, skipped
from pds.bench.timing import Effort, alternate, median_and_range, seconds, single, versus
from pds.sampling import ScoreFn
from pds.serving import acceleration
from pds.serving.acceleration import GraphMemory

BATCH = 8
SIZES = (32, 64, 128, 256)
NO_GRAPHS = "only a GPU has CUDA graphs"
NOT_COMPILED = "compiled on a GPU only: a CPU gained 0 to 6 % after 100 s"
GRAPH = "a CUDA graph of the eager call"
FUSED = "compiled, without graphs"
COMPILED_GRAPH = "compiled, with CUDA graphs"
TARGETS = {(32, GRAPH): at_least(3), (32, COMPILED_GRAPH): at_least(3)}
"""Targets by image size and form of the call."""


def rows(effort: Effort) -> Iterator[Row]:
    """Yield an eager call in milliseconds and eager / CUDA graph for each size."""
    for size in SIZES[:1] if effort.quick else SIZES:
        case = Case("graphs", size, effort)
        yield case.eager_row()
        if subjects.ON_GPU:
            capture = partial(page_graph, case.score, *case.inputs)
            yield from guarded(case.name, case.rows(GRAPH, capture))
        else:
            yield skipped(case.name, f"a network call: eager / {GRAPH}", NO_GRAPHS)


def compiled_rows(effort: Effort) -> Iterator[Row]:
    """Yield eager / compiled, measured in a process that has compiled nothing else."""
    if subjects.ON_GPU:
        yield from rows_apart(_compiled_rows, effort)
    else:
        yield skipped("compiled, 32 px, batch 8", "a network call: eager / compiled", NOT_COMPILED)


def _compiled_rows(effort: Effort) -> Iterator[Row]:
    variants: tuple[tuple[int, str, Callable[[ScoreFn], ScoreFn]], ...] = (
        (32, COMPILED_GRAPH, fused_graph),
        (32, FUSED, fused),
        (256, COMPILED_GRAPH, fused_graph),
    )
    with as_the_page():
        for size, form, compile in variants[:1] if effort.quick else variants:
            case = Case("compiled", size, effort)
            yield from guarded(case.name, case.rows(form, partial(compile, case.score)))


def fused(score: ScoreFn) -> ScoreFn:
    """Return the score function compiled, without CUDA graphs."""
    compiled: ScoreFn = torch.compile(score, dynamic=False)
    return compiled


def fused_graph(score: ScoreFn) -> ScoreFn:
    """Return the score function compiled, with CUDA graphs; each output is a new tensor."""
    compiled = torch.compile(score, mode="reduce-overhead", dynamic=False)

    def call(x: Tensor, t: Tensor) -> Tensor:
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        # The next replay of the graph overwrites its output.
        return compiled(x, t).clone()

    return call


def page_graph(score: ScoreFn, x: Tensor, t: Tensor) -> ScoreFn:
    """Return the score function for this shape as one CUDA graph, as the page has it."""
    return acceleration.capture_graph(score, x, t, memory=GraphMemory.on(x.device))


class Case:
    """The network of a size with a batch of inputs, and its eager call."""

    def __init__(self, benchmark: str, size: int, effort: Effort) -> None:
        self.name, self.size, self.effort = f"{benchmark}, {size} px, batch {BATCH}", size, effort
        self.score = subjects.embedded_network(size)
        self.inputs = noisy(self.score, BATCH)
        self.note = f"the embedded {'network' if size == 32 else 'architecture, random weights'}"

    def eager(self) -> Tensor:
        """Call the network, kernel by kernel."""
        return torch.no_grad()(self.score)(*self.inputs)

    def eager_row(self) -> Row:
        """Return the row of the eager call."""
        first = seconds(self.eager)
        times = median_and_range(*alternate([self.eager], self.effort)).scaled(1e3, "ms")
        note = f"{self.note}; the first call took {first:.2g} s"
        return Row(self.name, "a network call, eager", times, note=note)

    def rows(self, form: str, make: Callable[[], ScoreFn]) -> Iterator[Row]:
        """Yield eager / another form of the call, and the seconds until it is made and warm."""
        form_of: list[ScoreFn] = []

        def first() -> None:
            form_of.append(make())
            # The first call compiles, the second records a graph, the third replays it.
            for _ in range(3):
                self._call(form_of[0])

        ready = seconds(first)
        call = form_of[0]
        gain = versus(self.eager, lambda: self._call(call), self.effort)
        target = TARGETS.get((self.size, form))
        note = self._agreement(call)
        yield Row(self.name, f"a network call: eager / {form}", gain, target, note)
        note = "" if form == GRAPH else "the cache of compiled kernels may hold some"
        yield Row(self.name, f"seconds until its third call: {form}", single(ready, "s"), note=note)

    def _agreement(self, call: ScoreFn) -> str:
        """Say how far another form's scores of the trained network are from those of eager calls.

        Random weights, whose last layers are nearly zero, would show no difference.
        """
        if self.size != 32:
            return ""
        error = largest_difference(self._call(call), self.eager())
        return f"differs from eager by {error:.1e} of the largest score"

    @torch.no_grad()
    def _call(self, call: ScoreFn) -> Tensor:
        return call(*self.inputs)
