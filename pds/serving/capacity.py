"""How many images a network call may take, from the memory that one image takes."""

import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from pds.sampling import ScoreFn

CPU_BYTES = 2**26
"""Working memory of a network call on a CPU, where larger batches only add latency, not speed."""
GPU_SHARE = 0.5
"""Share of a GPU's free memory that a network call may take."""


def largest_batch(
    score: ScoreFn, image_shape: Sequence[int], device: torch.device | str = "cpu"
) -> int:
    """Return how many images one call of `score` may take, >= 1, by measuring a call with one.

    Args:
        score: the score function.
        image_shape: (C, H, W).
        device: of the score function.
    """
    device = torch.device(device)
    x, t = torch.zeros(1, *image_shape, device=device), torch.ones(1, device=device)
    used = peak_bytes(lambda: score(x, t))
    room = CPU_BYTES
    if device.type == "cuda":
        room = int(GPU_SHARE * torch.cuda.mem_get_info(device)[0])
    return max(1, room // max(used, 1))


@torch.no_grad()
def peak_bytes(work: Callable[[], object]) -> int:
    """Return the peak memory in bytes of the tensors that `work` allocates.

    Temporary memory inside an operation is not counted.
    """
    with _Accounts() as accounts:
        work()
    return accounts.peak


class _Accounts(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the storages that operations allocate, until they are freed."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Not wrapped for torch's compiler, whose import takes a second; nothing is compiled."""
        return False

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak, self._now = 0, 0
        self._holders: Counter[int] = Counter()  # tensors alive on each storage

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        inputs = {_storage(x) for x in tree_iter(args) if isinstance(x, Tensor)}
        outputs = func(*args, **(kwargs or {}))
        for x in tree_iter(outputs):
            # Views of storages that existed before are not counted.
            if isinstance(x, Tensor) and (self._holders[_storage(x)] or _storage(x) not in inputs):
                self._add(x, _storage(x), x.untyped_storage().nbytes())
        return outputs

    def _add(self, x: Tensor, storage: int, size: int) -> None:
        if not self._holders[storage]:
            self._now += size
            self.peak = max(self.peak, self._now)
        self._holders[storage] += 1
        weakref.finalize(x, self._drop, storage, size)

    def _drop(self, storage: int, size: int) -> None:
        self._holders[storage] -= 1
        if not self._holders[storage]:
            self._now -= size


def _storage(x: Tensor) -> int:
    return x.untyped_storage().data_ptr()
