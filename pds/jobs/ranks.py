"""The processes of one run, as torchrun starts them; without torchrun there is one.

Ranks exchange no tensors: each draws its own batches into the same folder. They synchronize twice,
before the start and at the end, through the key-value store of the launcher. A process group is not
needed, and its threads can abort a rank that exits before the others.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.distributed.rendezvous import rendezvous

from pds.limits import quoted

if TYPE_CHECKING:
    from torch._C._distributed_c10d import Store

POLL_SECONDS = 0.05


class Elsewhere(Exception):
    """Raised on all ranks but the first, which reports the error."""


@dataclass(frozen=True)
class Ranks:
    """This process among `world_size`; `local_rank` is its number on its machine."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    store: "Store | None" = None

    @property
    def first(self) -> bool:
        """Return whether this is the first rank, which prints and writes for all."""
        return self.rank == 0

    @contextmanager
    def together(self, name: str) -> Iterator[None]:
        """Continue after the body only if it succeeded on all ranks.

        Args:
            name: a key of the store, different in each call.

        Raises:
            ValueError: on the first rank, with the first error of all ranks; a single process
                raises its own error.
            Elsewhere: on the other ranks.
        """
        sentence = ""
        try:
            yield
        except (ValueError, OSError) as error:
            if self.store is None:
                raise
            sentence = str(error)
        self._publish(name, sentence)
        sentences = [self._wait_for(name, rank) for rank in range(self.world_size)]
        errors = [sentence for sentence in sentences if sentence]
        if errors:
            raise ValueError(errors[0]) if self.first else Elsewhere

    def finish(self, text: str = "") -> list[str]:
        """On the first rank, wait until all ranks are done; the others return at once.

        Returns:
            The text of every rank on the first one, or else that of this one.
        """
        self._publish("done", text)
        if not self.first or self.store is None:
            return [text]
        return [self._wait_for("done", rank) for rank in range(self.world_size)]

    def device(self, name: str) -> torch.device:
        """Return the device of that name; plain cuda gives each local rank its own GPU.

        Raises:
            ValueError: if there is no such device.
        """
        try:
            device = torch.device(name)
        except RuntimeError:
            device = None
        if device is None or device.type not in ("cpu", "cuda", "mps"):
            raise ValueError(
                f"device must be cpu, cuda, cuda:N or mps, got {quoted(name)}{_near(name)}"
            )
        if device.type == "mps" and (device.index or not torch.backends.mps.is_available()):
            raise ValueError(f"there is no {name}: torch sees no such Apple GPU; try cpu")
        if device.type != "cuda":
            return torch.device(device.type)
        count = torch.cuda.device_count()
        if (device.index or 0) >= count:
            raise ValueError(f"there is no {name}: torch sees {count} CUDA devices; try cpu")
        index = self.local_rank % count if device.index is None else device.index
        return torch.device("cuda", index)

    def _publish(self, name: str, sentence: str) -> None:
        if self.store is not None:
            self.store.set(f"{name}/{self.rank}", sentence)

    def _wait_for(self, name: str, rank: int) -> str:
        if self.store is None:
            return ""
        # Polling instead of a blocking wait: a rank may draw for days, and Ctrl-C must work.
        while not self.store.check([f"{name}/{rank}"]):
            time.sleep(POLL_SECONDS)
        return self.store.get(f"{name}/{rank}").decode()


def _near(name: str) -> str:
    """Return what was probably meant by an unknown device, "" if nothing is near."""
    kind = name.strip().lower().partition(":")[0]
    if kind in ("cpu", "cuda", "mps"):
        return "; write it in small letters and without spaces, cuda with a number such as cuda:1"
    return "; NVIDIA's and AMD's GPUs are cuda, Apple's mps" if "gpu" in kind else ""


ALONE = Ranks()


def joined() -> Ranks:
    """Return the rank of this process under torchrun, `ALONE` without it."""
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        return ALONE
    store, rank, world_size = next(rendezvous("env://"))
    return Ranks(rank, world_size, int(os.environ.get("LOCAL_RANK", rank)), store)
