"""Compile a score function for the GPU, in the background.

torch.compile with CUDA graphs ("reduce-overhead") saves most of what launching hundreds of small
kernels costs, but compilation takes a minute for each shape. Callers do not wait: until a shape is
compiled, or if compilation fails, the score function runs in eager mode. On a CPU compilation
gained 0 to 6 % after 100 s, so a score function on a CPU is not compiled.
"""

import logging
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

import torch
from torch import Tensor

from pds.sampling import ScoreFn
from pds.serving.devices import make_current

MAX_COMPILED = 1024
"""Shapes that torch.compile keeps for one Python function: of all networks, on all devices."""

log = logging.getLogger(__name__)

Compile = Callable[[ScoreFn], ScoreFn]


def accelerate(score: ScoreFn, device: torch.device) -> ScoreFn:
    """Return a score function that is compiled in the background on a GPU, unchanged on a CPU.

    On a GPU this enables TF32 matrix products and convolutions, with 10 bits of fraction, for the
    whole process.
    """
    if device.type != "cuda":
        return score
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = True
    return Background(score, cuda_graphs, device)


def cuda_graphs(score: ScoreFn) -> ScoreFn:
    """Return the score function compiled; each output is a new tensor."""
    keep_all_shapes()
    compiled = torch.compile(score, mode="reduce-overhead", dynamic=False)

    def call(x: Tensor, t: Tensor) -> Tensor:
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        # The next replay of the graph overwrites its output.
        return compiled(x, t).clone()

    return call


def keep_all_shapes() -> None:
    """Let torch.compile keep `MAX_COMPILED` shapes of a function; beyond 8 it would run eagerly."""
    # All networks share the code of `NetworkScore.forward`, so they share its limit as well.
    for limit in ("recompile_limit", "accumulated_recompile_limit"):
        setattr(torch._dynamo.config, limit, MAX_COMPILED)


class Background:
    """A score function that is compiled for each shape of x in a thread, and eager until then.

    Batches are padded to the sizes of `bucket`. The compiled function is also called in that
    thread: recorded CUDA graphs belong to a thread. The thread ends with this object, after the
    shape that it is compiling.

    Args:
        score: x (B, C, H, W), t (B,) -> (B, C, H, W).
        compile: returns the compiled function; it and the first calls may take minutes or raise.
        device: of the score function.
    """

    def __init__(
        self, score: ScoreFn, compile: Compile, device: torch.device | str = "cpu"
    ) -> None:
        self.score, self.compile = score, compile
        self._thread = ThreadPoolExecutor(1, "compile", make_current, (device,))
        self._compiled: dict[torch.Size, Future[ScoreFn | None]] = {}

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        count, room = len(x), bucket(len(x))
        x, t = (torch.cat([v, v[-1:].expand(room - count, *v.shape[1:])]) for v in (x, t))
        return self._call(x, t)[:count]

    def _call(self, x: Tensor, t: Tensor) -> Tensor:
        if x.shape not in self._compiled:
            like = x.detach().clone(), t.detach().clone()
            self._compiled[x.shape] = self._thread.submit(_warm_up, weakref.ref(self), *like)
            return self.score(x, t)
        busy = not all(warm_up.done() for warm_up in list(self._compiled.values()))
        compiled = None if busy else self._compiled[x.shape].result()
        if compiled is None:
            return self.score(x, t)
        return self._thread.submit(torch.no_grad()(compiled), x, t).result()

    def wait(self) -> None:
        """Wait until every shape seen so far is compiled or has failed to compile."""
        wait(list(self._compiled.values()))


@torch.no_grad()
def _warm_up(owner: "weakref.ref[Background]", x: Tensor, t: Tensor) -> ScoreFn | None:
    """Return the compiled function of a `Background`, None if it fails or nobody needs it now."""
    background = owner()
    if background is None:
        return None
    score, compile = background.score, background.compile
    del background  # which may be dropped in the minutes that follow
    try:
        compiled = compile(score)
        # CUDA graphs are recorded in the second call and replayed from the third.
        for _ in range(3):
            compiled(x, t)
    # torch.compile may raise anything, and the score function also works in eager mode.
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        log.warning("shape %s is not compiled and stays eager: %s", tuple(x.shape), reason)
        return None
    return compiled


def bucket(count: int) -> int:
    """Return the smallest of 1, 2, 3, 4, 6, 8, 12, 16, 24, ... that is >= count.

    The batch size changes with every visitor, and each size is compiled separately.
    """
    power = 1 << (count - 1).bit_length()
    return power * 3 // 4 if count <= power * 3 // 4 else power
