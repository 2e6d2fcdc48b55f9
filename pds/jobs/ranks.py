"""The processes of one run, as torchrun starts them; a plain start is one process.

Ranks share no numbers: each draws its own batches into the same folder. They meet twice, to agree
that all can start and when all are done, over the key-value store that the launcher keeps. A
process group would do more, and its threads can abort a rank that leaves before the others.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.distributed.rendezvous import rendezvous

if TYPE_CHECKING:
    from torch._C._distributed_c10d import Store

POLL_SECONDS = 0.05


class Elsewhere(Exception):
    """The first rank says what is wrong; the others only stop."""


@dataclass(frozen=True)
class Ranks:
    """This process among `world_size`; `local_rank` counts on its own machine."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    store: "Store | None" = None

    @property
    def first(self) -> bool:
        """Return whether this is the rank that talks."""
        return self.rank == 0

    @contextmanager
    def together(self, name: str) -> Iterator[None]:
        """Go on after the body only if it went well on all ranks.

        Args:
            name: of the body, a different one each time.

        Raises:
            Exception: what the body raised; on the first rank, the first such sentence of all.
            Elsewhere: on the others.
        """
        sentence = ""
        try:
            yield
        except (ValueError, OSError) as error:
            if self.store is None:
                raise
            sentence = str(error)
        self._tell(name, sentence)
        found = [said for rank in range(self.world_size) if (said := self._hear(name, rank))]
        if found:
            raise ValueError(found[0]) if self.first else Elsewhere

    def finish(self) -> None:
        """Wait on the first rank until all others are done; they leave at once."""
        self._tell("done", "")
        if self.first:
            for rank in range(self.world_size):
                self._hear("done", rank)

    def device(self, name: str) -> torch.device:
        """Return the device of that name; plain cuda is shared out among the local ranks.

        Raises:
            ValueError: if there is no such device.
        """
        try:
            device = torch.device(name)
        except RuntimeError:
            device = None
        if device is None or device.type not in ("cpu", "cuda"):
            raise ValueError(f"device must be cpu, cuda or cuda:N, got {name!r}")
        if device.type == "cpu":
            return torch.device("cpu")
        count = torch.cuda.device_count()
        if (device.index or 0) >= count:
            raise ValueError(f"there is no {name}: torch sees {count} CUDA devices; try cpu")
        index = self.local_rank % count if device.index is None else device.index
        return torch.device("cuda", index)

    def _tell(self, name: str, sentence: str) -> None:
        if self.store is not None:
            self.store.set(f"{name}/{self.rank}", sentence)

    def _hear(self, name: str, rank: int) -> str:
        if self.store is None:
            return ""
        # Not a blocking wait: a rank may draw for days, and Ctrl-C has to get through.
        while not self.store.check([f"{name}/{rank}"]):
            time.sleep(POLL_SECONDS)
        return self.store.get(f"{name}/{rank}").decode()


ALONE = Ranks()


def joined() -> Ranks:
    """Return this process's place among those that torchrun started, if it did."""
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        return ALONE
    store, rank, world_size = next(rendezvous("env://"))
    return Ranks(rank, world_size, int(os.environ.get("LOCAL_RANK", rank)), store)
