"""ZeroGPU Spaces lend a GPU to one function call at a time; elsewhere nothing changes."""

import importlib.util
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any, TypeVar

T = TypeVar("T", bound=Callable[..., Generator[Any, None, None]])

SECONDS = 60
"""Longest loan; the host ends a run that takes longer."""


def on_lent_gpu(run: T) -> T:
    """Return a generator function that runs on a lent GPU if the package `spaces` is present.

    The host runs it in a fork of this process and replaces its exceptions by its own; errors with a
    sentence for the visitor are therefore passed as values.
    """
    if importlib.util.find_spec("spaces") is None:
        return run
    import spaces

    @spaces.GPU(duration=SECONDS)  # type: ignore[untyped-decorator]
    def in_copy(*args: Any, **kwargs: Any) -> Any:
        try:
            yield from run(*args, **kwargs)
        except (ValueError, TypeError, OSError) as error:
            yield error

    def lent(*args: Any, **kwargs: Any) -> Any:
        with closing(in_copy(*args, **kwargs)) as items:
            for item in items:
                if isinstance(item, Exception):
                    raise item
                yield item

    return lent  # type: ignore[return-value]
