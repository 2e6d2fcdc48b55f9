"""A comparison: from a request to its messages.

The `steps` of a message describe moments of the run, its `png` holds one row of images per step
(all vanilla images, then all of the sampler beside it). A live frame has one step; the message that
ends a run has every kept step, and so has the recorded run of the first paint.
"""

import base64
import io
import itertools
import json
import math
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from pds.evaluation import appearance_record
from pds.files.shipped import ROOT
from pds.jobs.hosting import from_page
from pds.models import compare_request, workers
from pds.request import Request
from pds.serving.devices import devices
from pds.web import sentences
from pds.web.exact import predict
from pds.web.server.frames import kept_steps
from pds.web.server.messages import Message, dumps, picture
from pds.web.tabs.compare.measurements import Moment, Scene, content, observe

FIRST_PAINT = ROOT / "assets" / "first_paint.json"
FRAME_INTERVAL = 1 / 15
"""Least time between two live frames in seconds; the queue carries 10 to 19 a second."""
PIXEL_RATE = 2_000_000
"""Most pixels a second in live frames; noise does not compress, and every frame is measured."""
RECORDED_PIXELS = 165_000
"""Most pixels in the recorded run, which every visitor loads: about 0.7 MB."""

Clock = Callable[[], float]


def warm_up() -> None:
    """Take one step on each device, so that no visitor waits for files and first calls.

    Missing or damaged files are reported by the first visitor's run.

    Raises:
        ValueError: if the environment names devices that are not there.
    """
    with ExitStack() as stack:
        for _ in devices():
            # Those before are still open, so that this one is placed on another device.
            pairs = stack.enter_context(closing(compare_request(Request())))
            with suppress(ValueError, OSError):
                next(pairs)


def parse(payload: Mapping[str, Any]) -> Request:
    """Build a request from what the browser sent; unknown keys are ignored.

    Raises:
        ValueError: for a value out of range, a missing one included.
    """
    values: dict[str, Any] = {f.name: payload.get(f.name) for f in fields(Request)}
    return from_page(values)


def messages(
    request: Request, *, clock: Clock = time.perf_counter
) -> Generator[Message, None, None]:
    """Yield live frames by the clock, and at the end the sheet of all kept steps.

    The time of a step excludes that of the reader.
    """
    scene = Scene.of(request)
    kept = set(kept_steps(request.num_steps, scene.num_pixels))
    interval = max(FRAME_INTERVAL, scene.num_pixels / PIXEL_RATE)
    sheet: list[Moment] = []
    due, spent = -math.inf, 0.0
    exact = itertools.chain(predict(request), itertools.repeat(None))
    with closing(compare_request(request)) as pairs:
        start = clock()
        for pair in pairs:
            spent += clock() - start
            index, theory = pair.pds.index, next(exact)
            is_due, is_kept = clock() >= due, index in kept
            if is_due or is_kept:
                moment = observe(pair, scene, spent / (index + 1), theory)
                if is_kept:
                    sheet.append(moment)
                if index == request.num_steps - 1:
                    yield finished(scene, sheet)
                elif is_due:
                    due = clock() + interval
                    together = {"together": workers().num_runs}
                    yield {"kind": "frame", **together, **scene.header, **content([moment])}
            start = clock()


def finished(scene: Scene, sheet: list[Moment]) -> Message:
    """Return the message that ends a run."""
    request, header = scene.request, scene.header
    grain, contrast = (sheet[-1].numbers[name] for name in ("grain", "contrast"))
    return {
        "kind": "done",
        **header,
        **content(sheet),
        "verdict": sentences.verdict(
            grain["network" if header["own"] else "pixels"],
            contrast["network"],
            method=request.method,
            same=not request.filtered,
            num_images=request.num_images,
            own=header["own"],
        ),
        "measured": sentences.measured(
            appearance_record.samplers(request.model), request.num_steps
        ),
    }


def record(request: Request, path: Path = FIRST_PAINT) -> Message:
    """Run a request and record it for the first paint: its end, and some steps for later."""
    *_, done = messages(request)
    num_steps = len(done["steps"])
    room = RECORDED_PIXELS // Scene.of(request).num_pixels
    kept = np.linspace(0, num_steps - 1, min(num_steps, max(2, room))).round().astype(int)
    end, whole = _some(done, [num_steps - 1]), _some(done, kept.tolist())
    path.write_text(dumps({"end": end, "whole": whole}) + "\n", encoding="utf-8")
    return whole


def first_paint(part: Literal["end", "whole"], path: Path = FIRST_PAINT) -> str:
    """Return the recorded run as a message, or a message that says how to record one."""
    if not path.is_file():
        sentence = f"No recorded run at {path.name}; press Sample, or run python -m pds record."
        return dumps({"kind": "error", "sentence": sentence})
    recorded: Message = json.loads(path.read_text(encoding="utf-8"))
    return dumps(recorded[part])


def _some(message: Message, kept: list[int]) -> Message:
    """Return a message with some of its steps only."""
    sheet = np.atleast_3d(np.asarray(Image.open(io.BytesIO(base64.b64decode(message["png"])))))
    rows = sheet.reshape(len(message["steps"]), message["height"], *sheet.shape[1:])
    steps = [message["steps"][i] for i in kept]
    return {**message, "steps": steps, "png": picture(np.concatenate(rows[kept]))}
