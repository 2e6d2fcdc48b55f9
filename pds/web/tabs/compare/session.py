"""What the page shows, without the page: a request comes in, messages go out.

A message is one JSON text. Its `steps` describe moments of the run, its `png` holds one row of
images per step (all vanilla images, then all of the sampler beside it). A live frame has one step;
the message that ends a run has every kept step, and so has the recorded run of the first paint.
"""

import base64
import io
import itertools
import json
import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from pds import spectra
from pds.files.pictures import view
from pds.limits import MAX_ALPHA, MAX_IMAGES, MAX_SEED, MAX_STEPS
from pds.models import (
    LADDER,
    MODELS,
    ROOT,
    WORKER,
    Experiment,
    Pair,
    Request,
    compare_request,
    load,
    predict,
    title,
)
from pds.sampling import Step
from pds.web.server.frames import MOST_PIXELS, Tiles, kept_steps, strip
from pds.web.server.messages import Message, dumps, enveloped, finite, picture, rounded
from pds.web.words import verdict

FIRST_PAINT = ROOT / "assets" / "first_paint.json"
FRAME_INTERVAL = 1 / 15
"""Least time between two live frames in seconds; the queue carries 10 to 19 a second."""
PIXEL_RATE = 2_000_000
"""Most pixels a second in live frames; noise does not compress."""

Clock = Callable[[], float]


@dataclass(frozen=True)
class Scene:
    """An experiment and what its pictures and curves are measured against."""

    request: Request
    experiment: Experiment

    @cached_property
    def data_std(self) -> float:
        """Standard deviation of the pixels within the data's images (by Parseval)."""
        power = self.experiment.data_power.clone()
        power[..., 0, 0] = 0
        return math.sqrt(float(power.mean()))

    @cached_property
    def data_fine_power(self) -> float:
        return spectra.fine_power(self.experiment.data_power)

    @cached_property
    def data_spectrum(self) -> spectra.RadialSpectrum:
        return spectra.radial(self.experiment.data_power)

    @property
    def header(self) -> Message:
        """Return what stays the same for all messages of a run."""
        channels, height, width = self.experiment.image_shape
        return {
            "request": asdict(self.request),
            "title": title(self.request.model),
            "width": width,
            "height": height,
            "channels": channels,
            "radii": rounded(self.data_spectrum.radii),
            "data": rounded(self.data_spectrum.power),
        }


@dataclass(frozen=True)
class Moment:
    """One step of both chains as the page shows it: numbers and 8-bit images."""

    numbers: Message
    vanilla: Tiles
    pds: Tiles


def setup() -> Message:
    """Return the choices, defaults and limits of the controls."""
    return {
        "models": [{"name": name, "title": title} for name, (title, _) in MODELS.items()],
        "defaults": {f.name: f.default for f in fields(Request)},
        "ladder": list(LADDER),
        "limits": {
            "num_steps": MAX_STEPS,
            "alpha": MAX_ALPHA,
            "num_images": MAX_IMAGES,
            "seed": MAX_SEED,
            "pixels": MOST_PIXELS,
        },
    }


def warm_up() -> None:
    """Take one step, so that the first visitor does not wait for files and first calls.

    Missing or damaged files are left for that visitor's run to report.
    """
    with suppress(ValueError, OSError), closing(compare_request(Request())) as pairs:
        next(pairs)


def parse(payload: Mapping[str, Any]) -> Request:
    """Build a request from what the browser sent; unknown keys are ignored.

    Raises:
        ValueError: for a value out of range, a missing one included.
    """
    values: dict[str, Any] = {f.name: payload.get(f.name) for f in fields(Request)}
    return Request(**values)


def stream(payload: object, *, clock: Clock = time.perf_counter) -> Iterator[str]:
    """Run what the browser asks for; close the iterator to cancel it.

    Args:
        payload: the fields of a `Request`, and `run`, a name that comes back in each message.

    Yields:
        Frames as JSON; whatever was wrong with the request or its files becomes one sentence.
    """
    yield from enveloped(payload, lambda values: messages(parse(values), clock=clock))


def messages(
    request: Request, *, clock: Clock = time.perf_counter
) -> Generator[Message, None, None]:
    """Yield live frames by the clock and the sheet of all kept steps at the end."""
    scene = Scene(request, load(request.model))
    _, height, width = scene.experiment.image_shape
    num_pixels = 2 * request.num_images * height * width
    kept = set(kept_steps(request.num_steps, num_pixels))
    interval = max(FRAME_INTERVAL, num_pixels / PIXEL_RATE)
    sheet: list[Moment] = []
    due = -math.inf
    with closing(compare_request(request)) as pairs:
        exact = itertools.chain(predict(request), itertools.repeat(None))
        for (pair, seconds), theory in zip(_timed(pairs, clock), exact, strict=False):
            last = pair.pds.index == request.num_steps - 1
            is_due, is_kept = clock() >= due, pair.pds.index in kept
            if not (is_due or is_kept):
                continue
            moment = observe(pair, scene, seconds, theory)
            if is_kept:
                sheet.append(moment)
            if last:
                yield finished(scene, sheet)
            elif is_due:
                due = clock() + interval
                together = {"together": WORKER.num_runs}
                yield {"kind": "frame", **together, **scene.header, **_content([moment])}


def observe(
    pair: Pair,
    scene: Scene,
    seconds: float,
    theory: tuple[spectra.RadialSpectrum, spectra.RadialSpectrum] | None = None,
) -> Moment:
    """Measure one step of both chains and render it.

    Args:
        pair: the step.
        scene: what to measure against.
        seconds: mean time of a step so far, both chains together.
        theory: the exact spectra of both chains, where there are any.
    """
    powers = [spectra.power(step.x_mean) for step in pair]
    numbers = {
        "iteration": pair.pds.index + 1,
        "sigma": [finite(step.sigma) for step in pair],
        "nfe": pair.pds.nfe,
        "seconds": finite(seconds),
        "left": [finite(spectra.fine_power(power) / scene.data_fine_power) for power in powers],
        "power": [rounded(spectra.radial(power).power) for power in powers],
        "theory": [rounded(spectrum.power) for spectrum in theory or ()],
    }
    vanilla, pds = (_render(step, scene) for step in pair)
    return Moment(numbers, vanilla, pds)


def finished(scene: Scene, sheet: list[Moment]) -> Message:
    """Return the message that ends a run."""
    left, request = sheet[-1].numbers["left"], scene.request
    return {
        "kind": "done",
        **scene.header,
        **_content(sheet),
        "verdict": verdict(*left, method=request.method, same=not request.filtered),
    }


def record(request: Request, path: Path = FIRST_PAINT) -> Message:
    """Run a request and write what the first paint shows: its end at once, all steps on demand."""
    *_, whole = messages(request)
    end = {**whole, "steps": whole["steps"][-1:], "png": _last_row(whole)}
    path.write_text(dumps({"end": end, "whole": whole}) + "\n", encoding="utf-8")
    return whole


def first_paint(part: Literal["end", "whole"], path: Path = FIRST_PAINT) -> str:
    """Return the recorded run as a message, or a message that says how to record one."""
    if not path.is_file():
        sentence = f"No recorded run at {path.name}; press Sample, or run python -m pds record."
        return dumps({"kind": "error", "sentence": sentence})
    recorded: Message = json.loads(path.read_text(encoding="utf-8"))
    return dumps(recorded[part])


def api_steps(request: Request) -> Iterator[Message]:
    """Yield every step of a run for a program: numbers and both pictures as PNG data URLs."""
    scene = Scene(request, load(request.model))
    with closing(compare_request(request)) as pairs:
        for pair in pairs:
            moment = observe(pair, scene, 0.0)
            sigma, left = (
                dict(zip(("vanilla", "pds"), moment.numbers[name], strict=True))
                for name in ("sigma", "left")
            )
            yield {
                "iteration": moment.numbers["iteration"],
                "num_steps": request.num_steps,
                "sigma": sigma,
                "nfe": moment.numbers["nfe"],
                "noise_left": left,
                "vanilla": _data_url(strip(moment.vanilla)),
                "pds": _data_url(strip(moment.pds)),
            }


def _timed(pairs: Iterator[Pair], clock: Clock) -> Iterator[tuple[Pair, float]]:
    """Add the mean time of a step so far, without the time that the consumer takes."""
    spent, start = 0.0, clock()
    for count, pair in enumerate(pairs, 1):
        spent += clock() - start
        yield pair, spent / count
        start = clock()


def _render(step: Step, scene: Scene) -> Tiles:
    last = step.index == step.num_steps - 1
    pixels = step.x_mean.float().cpu().numpy()
    return view(pixels, sigma=0.0 if last else step.sigma, data_std=scene.data_std)


def _content(moments: list[Moment]) -> Message:
    rows = [strip(np.concatenate([m.vanilla, m.pds])) for m in moments]
    return {"steps": [m.numbers for m in moments], "png": picture(np.concatenate(rows))}


def _last_row(message: Message) -> str:
    sheet = np.atleast_3d(np.asarray(Image.open(io.BytesIO(base64.b64decode(message["png"])))))
    return picture(sheet[-message["height"] :])


def _data_url(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> str:
    return "data:image/png;base64," + picture(pixels)
