"""The processes of one run, as torchrun starts them; a plain start is one process.

Ranks share no numbers: each draws its own batches into the same folder. They meet twice, to agree
that all can start and when all are done.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

PATIENCE = timedelta(days=30)
"""A rank may draw for long after another is done."""


class Elsewhere(Exception):
    """The first rank says what is wrong; the others only stop."""


@dataclass(frozen=True)
class Ranks:
    """This process among `world_size`; `local_rank` counts on its own machine."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0

    @property
    def first(self) -> bool:
        """Return whether this is the rank that talks."""
        return self.rank == 0

    def agree(self, error: Exception | None = None) -> None:
        """Wait for all ranks, and stop together where any has an error.

        Raises:
            Exception: on the first rank, the first error, in its words.
            Elsewhere: on the others.
        """
        if self.world_size == 1:
            if error is not None:
                raise error
            return
        sentences: list[str | None] = [None] * self.world_size
        dist.all_gather_object(sentences, None if error is None else str(error))
        found = [sentence for sentence in sentences if sentence is not None]
        if found:
            raise ValueError(found[0]) if self.first else Elsewhere

    @contextmanager
    def together(self) -> Iterator[None]:
        """Go on after the body only if it went well on all ranks; errors as in `agree`."""
        try:
            yield
        except (ValueError, OSError) as error:
            self.agree(error)
            raise
        self.agree()

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


ALONE = Ranks()


@contextmanager
def joined() -> Iterator[Ranks]:
    """Join the ranks that torchrun started, if it did, for as long as the context lasts."""
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        yield ALONE
        return
    rank, world_size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    # Nothing but sentences travels, so the CPU's backend serves GPUs too.
    dist.init_process_group("gloo", timeout=PATIENCE)
    try:
        yield Ranks(rank, world_size, int(os.environ.get("LOCAL_RANK", rank)))
    finally:
        dist.destroy_process_group()
