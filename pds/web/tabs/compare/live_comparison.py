"""A comparison: from a request to its messages.

The `steps` of a message describe moments of the run, its `png` holds one row of images per step
(all images of the left side, then those of the right). A live frame has one step; the message that
ends a run has every kept step, and so has the recorded run of the first paint.
"""

import base64
import io
import itertools
import json
import math
import time
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from pds.appearance import GRAINY
from pds.evaluation import appearance_record
from pds.evaluation.appearance_record import RecordedSampler
from pds.files.shipped import ROOT
from pds.jobs import request_text
from pds.jobs.hosting import from_page
from pds.models import compare_request, workers
from pds.request import Request
from pds.serving.devices import devices
from pds.web import sentences
from pds.web.exact import predict
from pds.web.server.frames import kept_steps
from pds.web.server.messages import Message, dumps, picture
from pds.web.tabs.compare.measurements import Moment, Scene, content, observe
from pds.web.tabs.compare.pace import PACE

OPENING_MODEL = "portraits128"
"""The model of the first paint."""
PLAIN_GRAIN = 2.0
"""Grain of vanilla relative to the network's own from which the first paint shows it."""
FIRST_PAINT = ROOT / "assets" / "first_paint.json"
FRAME_INTERVAL = 1 / 15
"""Least time between two live frames in seconds; the queue carries 10 to 19 a second."""
PIXEL_RATE = 2_000_000
"""Most pixels a second in live frames; noise does not compress, and every frame is measured."""
RECORDED_PIXELS = 700_000
"""Most pixels in the recorded run, which every visitor loads after the first paint: 5 steps of
4 + 4 pictures of 128 px, about 2.3 MB in base64."""

Clock = Callable[[], float]


def warm_up() -> None:
    """Take one step on each device, so that no visitor waits for files, first calls and estimates.

    Missing or damaged files are reported by the first visitor's run.

    Raises:
        ValueError: if the environment names devices that are not there.
    """
    with ExitStack() as stack:
        for _ in devices():
            # Those before are still open, so that this one is placed on another device.
            pairs = stack.enter_context(closing(compare_request(Request(OPENING_MODEL))))
            with suppress(ValueError, OSError):
                next(pairs)
    with suppress(ValueError, OSError):
        PACE.seconds(OPENING_MODEL)


def parse(payload: Mapping[str, Any]) -> Request:
    """Build a request from what the browser sent; unknown keys are ignored.

    Raises:
        ValueError: for a value out of range, a missing one included unless older links lack it.
    """
    values: dict[str, Any] = {
        f.name: payload.get(f.name)
        for f in fields(Request)
        if f.name in payload or f.name not in request_text.ADDED_FIELDS
    }
    return from_page(values)


def messages(
    request: Request, *, kept: Collection[int] = (), clock: Clock = time.perf_counter
) -> Generator[Message, None, None]:
    """Yield live frames by the clock, and at the end the sheet of all kept steps.

    The time of a step excludes that of the reader.

    Args:
        request: of the run.
        kept: indices of the steps to keep, the last among them; by default those of `kept_steps`.
        clock: seconds.
    """
    scene = Scene.of(request)
    kept = kept or kept_steps(scene.num_moments, scene.num_pixels)
    interval = max(FRAME_INTERVAL, scene.num_pixels / PIXEL_RATE)
    sheet: list[Moment] = []
    due, spent, alone = -math.inf, 0.0, True
    exact = itertools.chain(predict(request), itertools.repeat(None))
    with closing(compare_request(request)) as pairs:
        begin = start = clock()
        for index, pair in enumerate(pairs):
            spent += clock() - start
            theory = next(exact)
            alone = alone and workers().num_runs == 1
            is_due, is_kept = clock() >= due, index in kept
            if is_due or is_kept:
                moment = observe(pair, scene, spent / (index + 1), theory)
                if is_kept:
                    sheet.append(moment)
                if index == scene.num_moments - 1:
                    if alone:
                        PACE.note(request, (clock() - begin) * 4 / sum(scene.header["nfes"]))
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
            names=request.labels,
            same=request.alike,
            num_images=request.num_images,
            own=header["own"],
        ),
        "measured": _measured(request),
    }


def _measured(request: Request) -> str:
    """Quote the recorded measurement of both samplers, "" if it was of other ones."""
    left, right = request.arms
    published = request.snr is None and request.corrector_steps is None
    if left.num_steps is None or left.num_steps != right.num_steps or not published:
        return ""
    recorded = appearance_record.samplers(request.model)
    return sentences.measured(recorded, left.num_steps, (left.name, right.name))


def opening_steps(recorded: Sequence[RecordedSampler]) -> int:
    """Return the N of the first paint: the largest where vanilla is plainly grainy and PDS is not.

    Vanilla has at least `PLAIN_GRAIN` times the grain of the network's own pictures there, PDS at
    most `GRAINY` times, over all pictures that were measured; so no picture is chosen.

    Args:
        recorded: the samplers of a model, see `pds.evaluation.appearance_record`.

    Raises:
        ValueError: if there is no such N in the record.
    """
    grain = {(cell.arm, cell.num_steps): cell.grain.value for cell in recorded}
    counts = [
        num_steps
        for arm, num_steps in grain
        if arm == "vanilla"
        and grain[arm, num_steps] >= PLAIN_GRAIN
        and grain.get(("pds:5", num_steps), math.inf) <= GRAINY
    ]
    if not counts:
        raise ValueError(
            f"no recorded N has {PLAIN_GRAIN:g} times the network's grain for vanilla and at most "
            f"{GRAINY:g} times for PDS; run python -m pds record --appearance FOLDER, or choose N "
            "by --num-steps"
        )
    return max(counts)


def record(request: Request, path: Path = FIRST_PAINT) -> Message:
    """Run a request and record it for the first paint: its end, and some steps for later."""
    scene = Scene.of(request)
    kept = recorded_steps(scene.num_moments, scene.num_pixels)
    *_, whole = messages(request, kept=kept)
    end = {
        **whole,
        "steps": whole["steps"][-1:],
        "png": _last_row(whole["png"], whole["height"]),
    }
    path.write_text(dumps({"end": end, "whole": whole}) + "\n", encoding="utf-8")
    return whole


def recorded_steps(num_steps: int, pixels_per_step: int) -> list[int]:
    """Return the indices of the steps to record.

    Where not all fit into `RECORDED_PIXELS`, they are the first and evenly spaced ones of the
    second half: before it there is only noise to see.
    """
    room = max(2, RECORDED_PIXELS // pixels_per_step)
    if num_steps <= room:
        return list(range(num_steps))
    half = (
        np.linspace((num_steps - 1) / 2, num_steps - 1, room - 1) if room > 2 else [num_steps - 1]
    )
    return sorted({0, *(round(float(i)) for i in half)})


def first_paint(part: Literal["end", "whole"], path: Path = FIRST_PAINT) -> str:
    """Return the recorded run as a message, or a message that says how to record one."""
    if not path.is_file():
        sentence = f"No recorded run at {path.name}; press Sample, or run python -m pds record."
        return dumps({"kind": "error", "sentence": sentence})
    recorded: Message = json.loads(path.read_text(encoding="utf-8"))
    return dumps(recorded[part])


def _last_row(sheet: str, height: int) -> str:
    """Return the last row of a sheet of pictures, both PNG in base64."""
    rows = np.atleast_3d(np.asarray(Image.open(io.BytesIO(base64.b64decode(sheet)))))
    return picture(rows[-height:])
