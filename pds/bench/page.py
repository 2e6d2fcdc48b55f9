"""The page: a run with all its frames against the sampler alone."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from pds.bench import subjects
from pds.bench.rows import Row, at_most
from pds.bench.timing import Effort, versus
from pds.models import compare_request
from pds.request import Request

NUM_STEPS = {False: 20, True: 66}
"""Iterations on a CPU, and on a GPU, where 20 would end within two frames."""

Messages = Callable[..., Iterator[Any]]
"""`pds.web.tabs.compare.live_comparison.messages`, which lies above this package."""


def rows(effort: Effort, *, messages: Messages) -> Iterator[Row]:
    """Yield a page run with all its frames / the sampler alone."""
    request = Request(num_steps=2 if effort.quick else NUM_STEPS[subjects.ON_GPU])
    clocks: dict[str, dict[str, Any]] = {
        "as streamed": {},
        "every step a frame": {"clock": _FastClock()},
    }
    for name, clock in clocks.items():

        def page(clock: dict[str, Any] = clock) -> None:
            deque(messages(request, **clock), maxlen=0)

        yield Row(
            f"page, {name}",
            "frames streamed / sampler alone",
            versus(page, lambda: deque(compare_request(request), maxlen=0), effort),
            at_most(1.05),
            note=f"N = {request.num_steps}, {request.num_images} + {request.num_images} portraits",
        )


class _FastClock:
    """A clock so fast that every step is due."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        self._now += 1e6
        return self._now
