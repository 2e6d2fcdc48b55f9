"""Files of the run on screen. The page sends its own message back; the server stores nothing.

So no visitor can access the run of another, and no file is written to disk. The message is
untrusted: every value is checked.
"""

import base64
import binascii
import csv
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pds.files import pictures
from pds.files.arrays import to_npz
from pds.jobs import comparison, quality, request_text
from pds.jobs.comparison import Finished
from pds.jobs.quality import Quality
from pds.jobs.record import read_request
from pds.limits import require_choice
from pds.models import MODELS, load_model
from pds.request import Request
from pds.spectra import radial
from pds.web.grain_contrast import reference_name
from pds.web.sentences import number
from pds.web.server.frames import MOST_KEPT, MOST_PIXELS
from pds.web.server.messages import Message
from pds.web.tabs.compare.live_comparison import parse

MAX_CHARACTERS = 6 * MOST_PIXELS
"""Length of a message's picture: noise does not compress, and base64 adds a third."""
MAX_STEPS_KEPT = 2 * MOST_KEPT
"""Steps that the page keeps of a stopped run."""
NUMBERS = ("iteration", "nfe")
MEASURES = {
    "grain": ("grain", "network"),
    "contrast": ("contrast", "network"),
    "grain_data": ("grain", "data"),
    "contrast_data": ("contrast", "data"),
    "grain_pixels": ("grain", "pixels"),
}
"""Grain and contrast: where the numbers of a step have them, see `pds.web.grain_contrast`."""
_IN_FILE_NAMES = str.maketrans({":": "", "@": "-n", "/": "-"})
DAMAGED = "The run did not arrive whole; please try again"

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Kept:
    """The steps of a run that are on screen.

    request: of the run.
    images: (num_steps, 2, num_images, H, W, C), the left side first.
    numbers: iteration and nfe of each step, of the side that has more of them.
    iterations, calls: iterations and network calls so far, of both samplers, (num_steps, 2).
    sigma: of the noise at which the network was called, of both samplers, (num_steps, 2).
    left: power above half Nyquist relative to the data, of both samplers, (num_steps, 2).
    measures: each of `MEASURES`, of both samplers, (num_steps, 2).
    noise_ratio: of the states to the sigma of the next call, of both samplers, (num_steps, 2); NaN
        where it is undefined, and in a run that was recorded without it.
    radii: frequencies in cycles per pixel, (R,).
    data: power of the data there, (R,).
    power: of both samplers, (num_steps, 2, R).
    theory: exact power of both, of the same shape, or None.
    """

    request: Request
    images: NDArray[np.uint8]
    numbers: dict[str, Values]
    iterations: Values
    calls: Values
    sigma: Values
    left: Values
    measures: dict[str, Values]
    noise_ratio: Values
    radii: Values
    data: Values
    power: Values
    theory: Values | None


def file_of(values: Mapping[str, Any]) -> Message:
    """Make a file of a run.

    Args:
        values: kind, a key of `KINDS`; request, steps and png of the message that ended the run.

    Returns:
        The file's name and its content in base64.

    Raises:
        ValueError: if the run is damaged, or the kind unknown.
    """
    kind = require_choice("kind", values.get("kind"), KINDS)
    suffix, encode = KINDS[kind]
    kept = read_run(values)
    request = kept.request
    model = request.model if request.model in MODELS else "mine"
    return {
        "file": f"{_stem(request)}_{model}_n{request.num_steps}_seed{request.seed}.{suffix}",
        "content": base64.b64encode(encode(kept)).decode("ascii"),
    }


def _stem(request: Request) -> str:
    """Return the samplers as in the name of a file: of that on the right, beside vanilla."""
    named = [str(arm) if arm.num_steps != request.num_steps else arm.name for arm in request.arms]
    chosen = named if request.left != "vanilla" else named[1:]
    kinds = [re.sub(r"^pds:[^@/+]+", "pds", name) for name in chosen]
    return "_".join(kind.translate(_IN_FILE_NAMES) for kind in kinds)


def read_run(values: Mapping[str, Any]) -> Kept:
    """Check a message and return its run.

    Raises:
        ValueError: if a value is missing, or has another type or shape than the request implies.
    """
    settings, steps = values.get("request"), values.get("steps")
    if not isinstance(settings, dict) or not isinstance(steps, list):
        raise ValueError(DAMAGED)
    request = parse(settings)
    if not 1 <= len(steps) <= MAX_STEPS_KEPT or not all(isinstance(step, dict) for step in steps):
        raise ValueError(DAMAGED)
    spectrum = radial(load_model(request.model).data_power)
    rings = len(spectrum.radii)
    theory = [step.get("theory") for step in steps]
    numbers = {name: _array([step.get(name) for step in steps], ()) for name in NUMBERS}
    counts = {
        name: _array([step.get(name, [step.get(one)] * 2) for step in steps], (2,))
        for name, one in (("iterations", "iteration"), ("calls", "nfe"))
    }
    if not all(np.isfinite(values).all() for values in (numbers["iteration"], *counts.values())):
        raise ValueError(DAMAGED)
    return Kept(
        request=request,
        images=_images(request, values.get("png"), len(steps)),
        numbers=numbers,
        **counts,
        sigma=_array([step.get("sigma") for step in steps], (2,)),
        left=_array([step.get("left") for step in steps], (2,)),
        measures={name: _measure(steps, *place) for name, place in MEASURES.items()},
        noise_ratio=_array([step.get("noise_ratio", [None] * 2) for step in steps], (2,)),
        radii=spectrum.radii,
        data=spectrum.power,
        power=_array([step.get("power") for step in steps], (2, rings)),
        theory=_array(theory, (2, rings)) if any(theory) else None,
    )


def final_pictures(kept: Kept) -> bytes:
    """Return the last images as a PNG with the request in it, the one of `pds.jobs.comparison`."""
    sides = (Finished(*side) for side in zip(kept.images[-1], _qualities(kept, -1), strict=True))
    return comparison.png(kept.request, *sides)


def animation(kept: Kept) -> bytes:
    """Return every step as a lossless animated WebP, with its numbers above the pictures."""
    names = kept.request.labels
    frames = []
    for i, both in enumerate(kept.images):
        sides = list(zip(names, _qualities(kept, i), strict=True))
        captions = [quality.label(*side).replace("\n", " ") for side in sides]
        counts = dict.fromkeys(number(value) for value in kept.iterations[i])
        caption = "\n".join([f"iteration {' and '.join(counts)}", *captions])
        rows = [(name, list(tiles)) for name, tiles in zip(names, both, strict=True)]
        note = quality.note(sides[0][1])
        frames.append(pictures.labeled_sheet(rows, [caption], note=note))
    return pictures.animation(frames)


def _qualities(kept: Kept, step: int) -> list[Quality]:
    """Return grain and contrast of both samplers at a step."""
    count, reference = kept.request.num_images, reference_name(load_model(kept.request.model))
    if not reference:
        return [Quality(grain, num_images=count) for grain in kept.measures["grain_pixels"][step]]
    pairs = zip(kept.measures["grain"][step], kept.measures["contrast"][step], strict=True)
    return [Quality(grain, contrast, reference, count) for grain, contrast in pairs]


def step_arrays(kept: Kept) -> bytes:
    """Return images and numbers of every step as .npz."""
    theory = {} if kept.theory is None else {"exact_power": kept.theory}
    return to_npz(
        **{name: kept.images[:, i] for i, name in enumerate(kept.request.sides)},
        sigma=kept.sigma,
        noise_left=kept.left,
        **kept.measures,
        noise_ratio=kept.noise_ratio,
        radii=kept.radii,
        data_power=kept.data,
        power=kept.power,
        request=np.array(request_text.to_record(kept.request)),
        **kept.numbers,
        iterations=kept.iterations,
        calls=kept.calls,
        **theory,
    )


def curves(kept: Kept) -> bytes:
    """Return what the figures show as CSV, one row for each step and frequency."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    sides = kept.request.sides
    exact = [] if kept.theory is None else [f"{name}_exact_power" for name in sides]
    measured = {**kept.measures, "noise_ratio": kept.noise_ratio}
    names = [f"{name}_{measure}" for measure in measured for name in sides]
    differ = not (kept.iterations[:, 0] == kept.iterations[:, 1]).all()
    own = (
        [f"{name}_{count}" for count in ("iteration", "calls") for name in sides] if differ else []
    )
    writer.writerow([*_columns(sides), *exact, *names, *own])
    for i, iteration in enumerate(kept.numbers["iteration"]):
        counts = [int(value) for value in (*kept.iterations[i], *kept.calls[i])] if differ else []
        for j, radius in enumerate(kept.radii):
            theory = () if kept.theory is None else kept.theory[i, :, j]
            levels = [*kept.sigma[i], *kept.left[i]]
            shown = [value for values in measured.values() for value in values[i]]
            row = [*levels, radius, kept.data[j], *kept.power[i, :, j], *theory, *shown]
            writer.writerow([int(iteration), *(f"{value:.6g}" for value in row), *counts])
    return text.getvalue().encode("ascii")


def _columns(sides: Sequence[str]) -> list[str]:
    """Return the columns of the table before those of the exact power and of `MEASURES`."""
    levels = [f"{name}_{level}" for level in ("sigma", "noise_left") for name in sides]
    power = [f"{name}_power" for name in ("data", *sides)]
    return ["iteration", *levels, "cycles_per_pixel", *power]


KINDS: dict[str, tuple[str, Callable[[Kept], bytes]]] = {
    "sheet": ("png", final_pictures),
    "animation": ("webp", animation),
    "steps": ("npz", step_arrays),
    "curves": ("csv", curves),
}
"""File name endings and encoders."""


def request_texts(values: Mapping[str, Any]) -> Message:
    """Return a request as a link's query, as a command, and as lines of Python."""
    request = parse(values)
    return {
        "link": request_text.to_query(request),
        "command": request_text.to_command(request),
        "python": request_text.to_python(request),
    }


def open_settings(values: Mapping[str, Any]) -> Message:
    """Return the settings in a link's query or in a picture's record.

    Args:
        values: query, or record, the text of one of our PNGs.

    Returns:
        The request; and for a link, whether it has any setting, and its first error.

    Raises:
        ValueError: if a record cannot be read.
    """
    query, record = values.get("query"), values.get("record")
    if isinstance(record, str):
        return {"request": asdict(read_request(record))}
    if not isinstance(query, str):
        raise ValueError("A link's query or an image's record was expected")
    request, given, sentence = request_text.from_query(query)
    return {"request": asdict(request), "given": given, "sentence": sentence}


def _images(request: Request, content: object, num_steps: int) -> NDArray[np.uint8]:
    """Decode a sheet of steps; its size is compared before a pixel is read.

    The sheet of a stopped run is drawn by the page, and browsers write RGBA.
    """
    if not isinstance(content, str) or len(content) > MAX_CHARACTERS:
        raise ValueError(DAMAGED)
    channels, height, width = load_model(request.model).image_shape
    count = request.num_images
    if num_steps * 2 * count * height * width > MOST_PIXELS:
        raise ValueError(DAMAGED)
    try:
        with Image.open(
            io.BytesIO(base64.b64decode(content, validate=True)), formats=["PNG"]
        ) as image:
            size = (2 * count * width, num_steps * height)
            if image.size != size:
                raise ValueError(DAMAGED)
            pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except (binascii.Error, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise ValueError(DAMAGED) from None
    rows = pixels.reshape(num_steps, height, 2, count, width, channels)
    return rows.transpose(0, 2, 3, 1, 4, 5)


def _measure(steps: Sequence[dict[str, Any]], measure: str, kind: str) -> Values:
    """Return grain or contrast of both samplers at every step, (num_steps, 2)."""
    values = []
    for step in steps:
        numbers = step.get(measure)
        if not isinstance(numbers, dict):
            raise ValueError(DAMAGED)
        values.append(numbers.get(kind))
    both = _array(values, (2,))
    if (both < 0).any():
        raise ValueError(DAMAGED)
    return both


def _array(values: Sequence[Any], shape: tuple[int, ...]) -> Values:
    """Turn numbers and None into floats, (len(values), *shape)."""
    return np.array([_floats(value, shape) for value in values], dtype=np.float64)


def _floats(value: Any, shape: tuple[int, ...]) -> Any:
    if not shape:
        if value is None:
            return math.nan
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e300:
            raise ValueError(DAMAGED)
        return float(value)
    if not isinstance(value, list) or len(value) != shape[0]:
        raise ValueError(DAMAGED)
    return [_floats(item, shape[1:]) for item in value]
