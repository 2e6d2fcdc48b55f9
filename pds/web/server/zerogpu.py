"""ZeroGPU Spaces lend a GPU to one function call at a time; elsewhere nothing changes.

The host forks this process for a call, and the GPU is there in the fork only: the process itself
samples on the CPU, see `prepare`. A refusal of the host becomes a sentence for the visitor.

Source: the package spaces 0.51.3, `spaces.zero.wrappers`, `spaces.zero.client` and
`spaces/zero/configs.json`.
"""

import html
import importlib.util
import os
import re
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from typing import Any, TypeVar

import torch

from pds import models
from pds.limits import MAX_IMAGES, MAX_SHEET_ROWS, MAX_STEPS
from pds.serving.acceleration import on_zero_gpu
from pds.serving.devices import VARIABLE
from pds.web.server.runs import HostRefusal

T = TypeVar("T", bound=Callable[..., Generator[Any, None, None]])

START_SECONDS = 15
"""Time to fork, start CUDA and make the first call of a model; an upper estimate."""
ITERATION_SECONDS = 0.06
"""Time of two network calls without CUDA graphs (15 ms each at 32 px, more layers at 256 px)."""
PIXEL_SECONDS = 1.5e-7
"""Additional time of an iteration for each pixel of the batch."""
QUOTA_SECONDS = 120
"""The daily quota of a visitor without an account; the host refuses a longer loan at once."""
HOST_FACTOR = 1.5
"""The host multiplies the seconds of a loan by this before it compares them with the quota."""
MOST_SECONDS = int(QUOTA_SECONDS / HOST_FACTOR)
"""Longest loan."""
LARGEST = 256
"""Pixels a side of the largest model; also assumed for the model of a visitor's own images."""


def prepare() -> None:
    """Leave the GPU alone in this process if it runs on ZeroGPU; call it before `devices`."""
    if on_zero_gpu():
        os.environ[VARIABLE] = "cpu"


def on_lent_gpu(run: T, refusals: tuple[type[Exception], ...] = ()) -> T:
    """Return a generator function that runs on a lent GPU if the package `spaces` is present.

    The host replaces exceptions in the fork by its own; errors with a sentence for the visitor are
    therefore passed as values.

    Args:
        run: called with one mapping of values, or with named values.
        refusals: exceptions of the host in this process; their text becomes a `HostRefusal`.
    """
    if importlib.util.find_spec("spaces") is None:
        return run
    import spaces

    if not hasattr(spaces, "GPU"):  # some other folder of that name
        return run

    @spaces.GPU(duration=lent_seconds)  # type: ignore[untyped-decorator]
    def in_copy(*args: Any, **kwargs: Any) -> Any:
        if on_zero_gpu() and torch.cuda.is_available():
            models.sample_on("cuda:0")
        try:
            yield from run(*args, **kwargs)
        except (ValueError, TypeError, OSError) as error:
            yield error

    def lent(*args: Any, **kwargs: Any) -> Any:
        with closing(_in_sentences(in_copy(*args, **kwargs), refusals)) as items:
            for item in items:
                if isinstance(item, Exception):
                    raise item
                yield item

    return lent  # type: ignore[return-value]


def lent_seconds(values: Mapping[str, Any] | None = None, **named: Any) -> int:
    """Return the seconds of a loan for a run: an upper estimate, at most `MOST_SECONDS`.

    Args:
        values, named: of the run, as its function gets them; values out of range, which the run
            refuses, count as the largest.
    """
    values = named if values is None else values
    counts, names = values.get("num_steps"), values.get("samplers")
    rows = len(names) if isinstance(names, list) else 3  # the endpoint /ladder names none
    chains = min(rows, MAX_SHEET_ROWS) if isinstance(counts, list) else 2
    steps = sum(_within(n, MAX_STEPS) for n in (counts if isinstance(counts, list) else [counts]))
    images = _within(values.get("num_images", 2), MAX_IMAGES)
    size = re.search(r"\d+$", str(values.get("model"))[:40])
    pixels = min(int(size[0]), LARGEST) ** 2 if size else LARGEST**2
    iteration = ITERATION_SECONDS + PIXEL_SECONDS * chains * images * pixels
    return min(MOST_SECONDS, START_SECONDS + round(steps * iteration))


def _within(value: object, most: int) -> int:
    numeric = isinstance(value, int | float) and 0 <= value <= most
    return int(value) if numeric else most  # type: ignore[call-overload]


def _in_sentences(
    items: Generator[Any, None, None], refusals: tuple[type[Exception], ...]
) -> Generator[Any, None, None]:
    """Yield the messages that the host passes on; its errors become a sentence."""
    with closing(items):
        try:
            yield from items
        except refusals as error:
            raise HostRefusal(host_sentence(error)) from None
        except OSError as error:  # errors of the run come as values
            raise HostRefusal(f"The host could not lend a GPU: {error}") from None


def host_sentence(error: Exception) -> str:
    """Return the text of an error of gradio with its title, without HTML."""
    title, text = getattr(error, "title", ""), getattr(error, "message", "") or "no reason given"
    spaced = re.sub(r"</?(br|p|div|li|ul)\b[^>]*>", " ", "".join(text), flags=re.IGNORECASE)
    plain = " ".join(html.unescape(re.sub(r"</?[a-zA-Z!][^>]*>", "", spaced)).split())
    return plain if title in ("", "Error") else f"{title}: {plain}"
