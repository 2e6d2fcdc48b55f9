"""Replay the calls of a score function from CUDA graphs.

A network call launches hundreds of small kernels, which for a small batch takes longer than
computing them. A CUDA graph is one launch of all of them. It is captured from the eager call and
takes as long as a few calls, so the caller waits for it.

A graph belongs to one batch size. Sizes are rounded up by at most an eighth, see `bucket`, and the
padding is discarded; batches beyond `MOST_IMAGES`, which keep the GPU busy anyway, run eagerly. On
a CPU the score function is unchanged.

Compiling instead (torch.compile) would take about a minute for each batch size, and in torch 2.11
its graphs work in one thread of a process only; `python -m pds bench --only compiled` measures it.
"""

import logging
import os
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor

from pds.sampling import ScoreFn
from pds.serving.splitting import exceeds_memory

MOST_IMAGES = 512
"""Largest batch that is captured."""

_capturing = threading.Lock()
"""CUDA captures one graph at a time in a process."""

log = logging.getLogger(__name__)

Capture = Callable[[ScoreFn, Tensor, Tensor], ScoreFn]


def accelerate(score: ScoreFn, device: torch.device) -> ScoreFn:
    """Return a score function that replays CUDA graphs on a GPU, unchanged on a CPU.

    On a GPU this enables TF32 matrix products and convolutions, with 10 bits of fraction, for the
    whole process. On ZeroGPU, where a process has its GPU for seconds only, the calls stay eager.
    """
    if device.type != "cuda":
        return score
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = True
    if on_zero_gpu():
        return score
    return Graphed(score, partial(capture_graph, memory=GraphMemory.on(device)))


def on_zero_gpu() -> bool:
    """Return whether this is a ZeroGPU Space, which borrows a GPU for each call."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


class Graphed:
    """A score function with a CUDA graph for each batch size. For use from one thread at a time.

    If a call cannot be captured, such as one that waits for the GPU, the score function stays
    eager, which is logged once.

    Args:
        score: x (B, C, H, W), t (B,) -> (B, C, H, W).
        capture: returns the function for the shapes of x and t, see `capture_graph`.
    """

    def __init__(self, score: ScoreFn, capture: Capture) -> None:
        self.score, self._capture = score, capture
        self._graphs: dict[torch.Size, ScoreFn] = {}
        self._eager = False

    @torch.no_grad()
    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        count, room = len(x), bucket(len(x))
        if self._eager or count > MOST_IMAGES:
            return self.score(x, t)
        x, t = (torch.cat([v, v[-1:].expand(room - count, *v.shape[1:])]) for v in (x, t))
        return self._graph(x, t)(x, t)[:count]

    def _graph(self, x: Tensor, t: Tensor) -> ScoreFn:
        if x.shape not in self._graphs:
            try:
                self._graphs[x.shape] = self._capture(self.score, x, t)
            except RuntimeError as error:
                if exceeds_memory(error):
                    raise  # the batcher tries a smaller batch
                self._eager = True
                reason = (str(error).splitlines() or [type(error).__name__])[0]
                log.warning("calls cannot be captured as CUDA graphs and stay eager: %s", reason)
                return self.score
        return self._graphs[x.shape]


class GraphMemory(NamedTuple):
    """The memory pool and the capture stream of graphs that never run at the same time."""

    pool: Any
    stream: torch.cuda.Stream

    @classmethod
    def on(cls, device: torch.device) -> Self:
        """Return new memory on a GPU."""
        stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        return cls(torch.cuda.graph_pool_handle(), stream)


def capture_graph(score: ScoreFn, x: Tensor, t: Tensor, *, memory: GraphMemory) -> ScoreFn:
    """Return the score function for the shapes of x and t as one CUDA graph.

    Each output is a new tensor.

    Raises:
        RuntimeError: if the call cannot be captured, such as one that waits for the GPU.
        torch.OutOfMemoryError: if the batch does not fit into the memory.
    """
    # A graph reads and writes the tensors that it was captured with.
    x, t = x.clone(), t.clone()
    graph, current = torch.cuda.CUDAGraph(), torch.cuda.current_stream(x.device)
    # Workers of other devices may allocate meanwhile, in their own threads.
    recording = torch.cuda.graph(graph, *memory, capture_error_mode="thread_local")
    with torch.no_grad(), torch.cuda.device(x.device), _capturing:
        memory.stream.wait_stream(current)
        # `recording` sets this stream, too, but leaves it set if the call cannot be captured.
        with torch.cuda.stream(memory.stream):
            # Libraries allocate in their first calls, which a graph must not contain.
            for _ in range(2):
                score(x, t)
            with recording:
                scores = score(x, t)
        current.wait_stream(memory.stream)

    def replay(new_x: Tensor, new_t: Tensor) -> Tensor:
        x.copy_(new_x)
        t.copy_(new_t)
        graph.replay()
        # The next replay overwrites them.
        return scores.clone()

    return replay


def bucket(count: int) -> int:
    """Return the smallest number >= count of 1, ..., 16, 18, ..., 32, 36, ..., 64, 72, ....

    The batch size changes with every visitor. With 8 sizes to an octave, at most an eighth of a
    batch is padding.
    """
    step = 1 << max(0, (count - 1).bit_length() - 4)
    return -(-count // step) * step
