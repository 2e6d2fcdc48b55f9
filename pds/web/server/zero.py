"""ZeroGPU Spaces lend a GPU to one function call at a time; elsewhere nothing changes."""

import importlib.util
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

T = TypeVar("T", bound=Callable[..., Iterator[Any]])

SECONDS = 60
"""Longest loan; a run that takes longer is ended by the host."""


def borrowed(run: T) -> T:
    """Let a generator that samples run on a borrowed GPU, where the package `spaces` is present.

    The host calls it in a copy of this process that ends with it.
    """
    if importlib.util.find_spec("spaces") is None:
        return run
    import spaces

    wrapped: T = spaces.GPU(duration=SECONDS)(run)
    return wrapped
