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
"""Working memory of a network call on a CPU, where a larger batch gains no speed: it only keeps
everybody waiting longer for the next half step."""
GPU_SHARE = 0.5
"""Share of a GPU's free memory that a network call may take."""


def largest_batch(
    score: ScoreFn, image_shape: Sequence[int], device: torch.device | str = "cpu"
) -> int:
    """Return how many images one call of `score` may take, >= 1, by measuring a call with one.

    Args:
        score: the model.
        image_shape: (C, H, W).
        device: where it lives.
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
    """Return the most bytes that the tensors made by `work` take at any one time.

    Scratch memory inside an operation is not seen.
    """
    with _Accounts() as accounts:
        work()
    return accounts.peak


class _Accounts(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the storages that operations make, until they are freed."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak, self._now = 0, 0
        self._holders: Counter[int] = Counter()  # tensors alive on each storage

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = {_storage(x) for x in tree_iter(args) if isinstance(x, Tensor)}
        made = func(*args, **(kwargs or {}))
        for x in tree_iter(made):
            # What shares the storage of something older than this account is not counted.
            if isinstance(x, Tensor) and (self._holders[_storage(x)] or _storage(x) not in given):
                self._add(x, _storage(x), x.untyped_storage().nbytes())
        return made

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
