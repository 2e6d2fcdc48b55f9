"""How long a comparison takes on this server: seconds of an iteration, measured for each model.

A model's first question measures two iterations; finished runs that were alone refine that. Both
samplers advance in one batch, whichever they are, so the time depends on model, number of images
and N alone.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import numpy as np

from pds.jobs.hosting import from_page
from pds.limits import MAX_IMAGES
from pds.models import MODELS, compare_request, load_model, workers
from pds.request import Request
from pds.web.server.messages import Message, finite

MEASURED_IMAGES = (1, 4)
"""Images of each sampler in the iterations that are measured; a batch shares fixed costs."""

QUICK_SECONDS = 20
"""The page proposes as many images as end within this time, 2 at least."""

Measure = Callable[[str, int], float]
"""Maps a model and a number of images to the seconds of an iteration of both samplers."""


def measure(model: str, num_images: int) -> float:
    """Time the second iteration of a run; the first one loads files and chooses kernels."""
    with closing(compare_request(Request(model, 3, num_images=num_images))) as pairs:
        next(pairs)
        start = time.perf_counter()
        next(pairs)
        return time.perf_counter() - start


class Pace:
    """Seconds of an iteration of each model; safe for threads.

    Args:
        measure: times an iteration of a model that is not known yet.
    """

    def __init__(self, measure: Measure = measure) -> None:
        self._measure = measure
        self._seconds: dict[str, dict[int, float]] = {}
        self._lock = threading.Lock()

    def seconds(self, model: str) -> list[float]:
        """Return the seconds of an iteration of both samplers with 1 to `MAX_IMAGES` images each.

        They are linear between measured numbers of images, and beyond the largest in proportion.

        Args:
            model: one of `MODELS`; it is measured if nothing is known of it.
        """
        with self._lock:
            if model not in self._seconds:
                self._seconds[model] = {n: self._measure(model, n) for n in MEASURED_IMAGES}
            known = sorted(self._seconds[model].items())
        counts, seconds = (list(column) for column in zip(*known, strict=True))
        most = counts[-1]
        return [
            float(np.interp(n, counts, seconds)) * max(1, n / most)
            for n in range(1, MAX_IMAGES + 1)
        ]

    def note(self, request: Request, seconds: float) -> None:
        """Average the known time of an iteration with that of a finished run.

        Args:
            request: of the run; ignored if its model was never measured.
            seconds: mean time of an iteration of both samplers, which is two network calls of each.
        """
        if request.model not in self._seconds:
            return
        count = request.num_images
        known = self.seconds(request.model)[count - 1]
        with self._lock:
            self._seconds[request.model][count] = (known + seconds) / 2


PACE = Pace()
"""The measured times of this process."""


def view(values: Mapping[str, Any]) -> Message:
    """Return the seconds of an iteration of a model, the runs beside a new one, and the snr.

    Args:
        values: model.

    Returns:
        seconds, for 1 to `MAX_IMAGES` images, empty for a visitor's own model; beside, the runs on
        the device on which a new one would be placed; and snr, that of the model's corrector.

    Raises:
        ValueError: if there is no such model.
    """
    model = from_page({"model": values.get("model")}).model
    seconds = PACE.seconds(model) if model in MODELS else []
    return {
        "seconds": [finite(value) for value in seconds],
        "beside": min(workers().by_device.values()),
        "snr": load_model(model).snr,
    }
