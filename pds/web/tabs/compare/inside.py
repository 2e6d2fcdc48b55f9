"""Inside one iteration: the arithmetic of both sides as pictures, spectra and numbers.

The server keeps nothing of a run: the iteration is computed again from the request, with one image,
since an image depends on its seed alone.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from pds import spectra
from pds.arms.arithmetic import ReplayedStep, Substep
from pds.files.pictures import to_uint8
from pds.limits import quoted, require_whole
from pds.models import replay_request
from pds.preconditioners import Scalars
from pds.request import Request
from pds.web.server.frames import MOST_PIXELS
from pds.web.server.messages import Message, finite, picture, rounded
from pds.web.tabs.compare import live_comparison
from pds.web.tabs.compare.measurements import Scene

INTERVAL = 0.3
"""Least time between two messages about progress, in seconds."""
STATES = frozenset({"x", "x_mean", "x_new", "x_euler"})
"""Images around middle gray; the others are around 0, which is shown as middle gray."""
HIDDEN = frozenset({"z"})
"""Images that are not shown: M z is."""
TITLES = {
    "Langevin": "Corrector",
    "AnnealedLangevin": "Corrector",
    "ReverseDiffusion": "Predictor",
    "EulerMaruyama": "Predictor",
    "MarginalPreserving": "Predictor",
    "Ancestral": "Predictor",
    "Euler": "Euler step",
    "Heun": "Heun step",
}
_WANTED: dict[str, object] = {}
"""The name of the replay under way of each visit."""


def run(values: Mapping[str, Any]) -> Generator[Message, None, None]:
    """Show the iterations that the page requests, until the visit requests others or leaves.

    Args:
        values: the fields of the run's request; `iterations`, of the left and of the right sampler;
            `image`, an index; and `run`, the name of the replay.

    Raises:
        ValueError: for a value out of range, or a model that is gone.
    """
    request = live_comparison.parse(values)
    visit, mine = values["visit"], values.get("run")
    _WANTED[visit] = mine
    try:
        yield from messages(
            request,
            values.get("iterations"),
            values.get("image"),
            wanted=lambda: visit in _WANTED and _WANTED[visit] == mine,
        )
    finally:
        leave(values)


def leave(values: Mapping[str, Any]) -> Message:
    """End the replay of a visit with the name `run`, if it is under way."""
    visit = values["visit"]
    if visit in _WANTED and _WANTED[visit] == values.get("run"):
        del _WANTED[visit]
    return {}


def messages(
    request: Request,
    iterations: object,
    image: object,
    *,
    wanted: Callable[[], bool] = lambda: True,
    clock: Callable[[], float] = time.perf_counter,
) -> Generator[Message, None, None]:
    """Replay one image of a run up to an iteration of each side, while it is wanted.

    Yields:
        "replay" with the share that is done, now and then; at last "inside": `sides`, for each side
        its substeps, see `_described`, and `pictures`, PNG in base64.

    Raises:
        ValueError: for an image or an iteration out of range, or a sampler without an arithmetic.
    """
    scene = Scene.of(_of_one_image(request, image))
    own = _iterations(iterations, [sampler.num_steps for sampler in scene.samplers])
    calls = sum(s.ends[k - 1] for k, s in zip(own, scene.samplers, strict=True))
    due = clock() + INTERVAL
    with closing(replay_request(scene.request, own)) as replay:
        for steps in replay:
            if not wanted():
                return
            if clock() >= due:
                due = clock() + INTERVAL
                yield {"kind": "replay", "share": finite(sum(s.nfe for s in steps) / calls)}
    yield {"kind": "inside", "iterations": own, **_content(scene, cast(Any, steps))}


def _of_one_image(request: Request, image: object) -> Request:
    index = require_whole("image", image, 0, request.num_images - 1)
    return replace(request, num_images=1, seed=request.seed + index)


def _iterations(values: object, lengths: Sequence[int]) -> list[int]:
    """Return an iteration of each side after a check of its range."""
    if not isinstance(values, list) or len(values) != len(lengths):
        raise ValueError(
            "iterations must be two whole numbers, of the left and of the right sampler, got "
            f"{quoted(values)}"
        )
    sides = zip(("left", "right"), values, lengths, strict=True)
    return [
        require_whole(f"the iteration of the sampler on the {side}", value, 1, length)
        for side, value, length in sides
    ]


def _content(scene: Scene, steps: Sequence[ReplayedStep]) -> Message:
    """Return the arithmetic of the last step of each side."""
    shown = [image for step in steps for s in step.substeps for image in s.images.values()]
    album = _Album(scene, num_images=len({id(image) for image in shown}))
    sides = [[_described(substep, album) for substep in step.substeps] for step in steps]
    for side in sides:
        _number(side)
    return {
        "labels": list(scene.request.labels),
        "seed": scene.request.seed,
        "radii": rounded(scene.data_spectrum.radii),
        "cropped": album.side if album.side < min(scene.model.image_shape[1:]) else None,
        "sides": sides,
        "pictures": album.pictures,
    }


def _number(substeps: Sequence[Message]) -> None:
    """Number the substeps of one side that have the same title."""
    total = Counter(substep["title"] for substep in substeps)
    seen: Counter[str] = Counter()
    for substep in substeps:
        title = substep["title"]
        seen[title] += 1
        if total[title] > 1:
            substep["title"] = f"{title} {seen[title]} of {total[title]}"


def _described(substep: Substep, album: "_Album") -> Message:
    """Return a substep as the page shows it.

    Returns:
        name of the kernel and a title; equation, as text; terms; numbers that the factors follow
        from; images by their names; and error, of the sum of the terms, relative to x_new.
    """
    new = substep.images["x_new"]
    return {
        "name": substep.name,
        "title": TITLES.get(substep.name, substep.name),
        "equation": substep.equation,
        "terms": [
            {"symbol": t.symbol, "factor": _number_of(t.factor), "image": t.image}
            for t in substep.terms
        ],
        "numbers": {name: _number_of(value) for name, value in substep.numbers.items()},
        "images": {
            name: album.add(image, middle=0.5 if name in STATES else 0.0)
            for name, image in substep.images.items()
            if name not in HIDDEN
        },
        "error": finite(float((substep.total - new).norm() / new.norm())),
    }


def _number_of(value: Scalars) -> float | None:
    return finite(float(value))


class _Album:
    """Pictures of a message, each image once, with its size and spectrum.

    Args:
        scene: whose data give the contrast.
        num_images: that will be added at most; large ones are cropped to their middle.
    """

    def __init__(self, scene: Scene, *, num_images: int) -> None:
        self._contrast = scene.data_std
        self._known: dict[int, Message] = {}
        self.side = min(*scene.model.image_shape[1:], math.isqrt(MOST_PIXELS // num_images))
        self.pictures: list[str] = []

    def add(self, image: Tensor, *, middle: float) -> Message:
        """Add an image (1, C, H, W).

        Args:
            image: of a run that is kept while the album is.
            middle: value that is shown as middle gray.

        Returns:
            picture, its index; scale, that its differences from the middle are multiplied by; norm;
            rms, for each pixel and channel; and power by radius.
        """
        if id(image) not in self._known:
            self._known[id(image)] = self._measured(image, middle)
        return self._known[id(image)]

    def _measured(self, image: Tensor, middle: float) -> Message:
        pixels = image.float().cpu()
        spread = float((pixels.double() - middle).square().mean().sqrt())
        scale = self._scale(spread, at_most=1.0 if middle else math.inf)
        self.pictures.append(picture(self._shown(pixels, middle, scale)))
        return {
            "picture": len(self.pictures) - 1,
            "scale": finite(scale),
            "norm": finite(float(pixels.double().norm())),
            "rms": finite(float(pixels.double().square().mean().sqrt())),
            "power": rounded(spectra.radial(spectra.power(pixels)).power),
        }

    def _scale(self, spread: float, *, at_most: float) -> float:
        """Return the scale with which an image has the contrast of the data, of three digits."""
        if not 0 < spread < math.inf:
            return 1.0
        return float(f"{min(at_most, self._contrast / spread):.3g}")

    def _shown(self, pixels: Tensor, middle: float, scale: float) -> np.ndarray[Any, Any]:
        height, width = pixels.shape[-2:]
        top, left = (height - self.side) // 2, (width - self.side) // 2
        part = pixels[..., top : top + self.side, left : left + self.side]
        shown = torch.nan_to_num(0.5 + (part - middle) * scale, nan=0.5)
        return to_uint8(shown.numpy())[0]
