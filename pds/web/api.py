"""What programs can ask of the page, as named endpoints: thin functions with typed parameters.

They are also the tools of its MCP server, where that is switched on. Whatever is wrong with a value
is the sentence that the page shows.
"""

import base64
import binascii
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import wraps
from inspect import Parameter, signature
from typing import Any, TypeVar

import gradio as gr
import numpy as np
import torch
from gradio.events import api
from PIL import Image, ImageOps

from pds import filters
from pds.evaluation import gaussian
from pds.hosting import from_page
from pds.limits import (
    MAX_OWN,
    MAX_PICTURE_CHARACTERS,
    MAX_SENT_PIXELS,
    MAX_SENT_PIXELS_TOGETHER,
    MIN_PICTURES,
    OWN_SIZES,
    SENT_FORMATS,
    quoted,
)
from pds.limits import sentence as sentence_of
from pds.models import load
from pds.request import Request
from pds.theory import noise_left, w2
from pds.web import exact
from pds.web.server import backstage, visits
from pds.web.server.messages import finite
from pds.web.tabs.filter.filter_tab import gains_of, sentence
from pds.web.tabs.ladder import ladder_tab
from pds.web.words import capital, error

T = TypeVar("T")


def serve(*, sampler: dict[str, Any]) -> None:
    """Add the endpoints to the page that is being built.

    Args:
        sampler: how the queue lets those run that sample.
    """
    api(_streamed(ladder), api_name="ladder", **sampler)
    api(_answered(filter_from_images), api_name="filter_from_images")
    api(_answered(theory), api_name="theory")


def ladder(
    num_steps: list[int],
    model: str = Request.model,
    alpha: float = Request.alpha,
    seed: int = Request.seed,
) -> Iterator[dict[str, Any]]:
    """Sample the same noise at several numbers of iterations and stream each as it is done.

    Args:
        num_steps: numbers of iterations, at most 12, for example [66, 25, 20].
        model: "portraits32", "portraits64", "field64" or "field256".
        alpha: strength of the PDS filter, above 1; larger is weaker.
        seed: image i starts from seed + i.

    Yields:
        num_steps; noise_left (power above half Nyquist relative to the data) and images (two, one
        above the other, as lossless PNG data URLs) of "vanilla", "pds" and "tuned", which has no
        filter but the noise levels and the corrector's strength that are best at that N for
        Gaussian data of the same spectrum.
    """
    if not isinstance(num_steps, list) or not 1 <= len(num_steps) <= 12:
        raise ValueError(f"num_steps must be a list of 1 to 12 numbers, got {quoted(num_steps)}")
    shared = {"model": model, "alpha": alpha, "num_images": ladder_tab.NUM_IMAGES, "seed": seed}
    requests = [from_page({**shared, "num_steps": n}) for n in num_steps]
    names = [row.lower() for row in ladder_tab.ROWS]
    for message in ladder_tab.figure(requests[0], sorted({r.num_steps for r in requests})):
        if message["kind"] == "column":
            pictures = [f"data:image/png;base64,{png}" for png in message["pictures"]]
            yield {
                "num_steps": message["num_steps"],
                "noise_left": dict(zip(names, message["left"], strict=True)),
                "images": dict(zip(names, pictures, strict=True)),
            }


def filter_from_images(images: list[str], size: int = 32, alpha: float = 5.0) -> dict[str, Any]:
    """Estimate the frequency and space filters of a few pictures of one kind.

    Args:
        images: 2 to 500 picture files (PNG, JPEG, WebP) in base64, or data URLs of them.
        size: side in pixels that they are cropped and shrunk to, 32 or 64.
        alpha: strength that the summary is told for, above 1.

    Returns:
        num_images; summary, a sentence; and frequency and space, the raw masks as .npy files in
        base64, as `main.py --freq_mask_path` and `--space_mask_path` take them.
    """
    if not isinstance(images, list) or not MIN_PICTURES <= len(images) <= MAX_OWN:
        raise ValueError(f"images must be a list of {MIN_PICTURES} to {MAX_OWN} pictures")
    if size not in OWN_SIZES:
        raise ValueError(
            f"size must be {' or '.join(map(str, OWN_SIZES))} pixels, got {quoted(size)}"
        )
    alpha = from_page({"alpha": alpha}).alpha
    decoded, left = [], MAX_SENT_PIXELS_TOGETHER
    for number, image in enumerate(images):
        pixels, claimed = _pixels(image, number, size, left)
        decoded.append(pixels)
        left -= claimed
    batch = np.stack(decoded)
    masks = filters.estimate([torch.from_numpy(batch)])
    return {
        "num_images": masks.num_images,
        "summary": sentence(gains_of(masks.frequency, masks.space, alpha), alpha),
        "frequency": _npy(masks.frequency),
        "space": _npy(masks.space),
    }


def theory(
    num_steps: int = Request.num_steps,
    alpha: float = Request.alpha,
    model: str = "field64",
    tuned: bool = Request.tuned,
) -> dict[str, Any]:
    """Return the exact outcome of both samplers on a model's data taken as Gaussian, unsampled.

    Args:
        num_steps: iterations of both samplers, 1 to 2000.
        alpha: strength of the PDS filter, above 1; larger is weaker.
        model: one of the demo's models, whose spectrum is meant, for example "portraits32".
        tuned: whether "pds" has, instead of the filter, the noise levels and the corrector's
            strength that are best at num_steps; alpha does nothing then.

    Returns:
        error (distance W2 to the data) and noise_left (power above half Nyquist relative to the
        data), each for "vanilla" and "pds"; and summary, a sentence.
    """
    request = from_page({"model": model, "num_steps": num_steps, "alpha": alpha, "tuned": tuned})
    field, experiment = gaussian.field(request.model), load(request.model)
    plain = replace(request, frequency=False, tuned=False)
    variance = exact.variances(experiment, field.data, [plain, request])
    vanilla, pds = (float(value) for value in w2(field.data, variance))
    left = noise_left(field.data, variance)
    closer = capital(request.method) if pds < vanilla else "Vanilla"
    return {
        "error": {"vanilla": finite(vanilla), "pds": finite(pds)},
        "noise_left": {"vanilla": finite(float(left[0])), "pds": finite(float(left[1]))},
        "summary": f"{closer} is closer to the data: the error is {error(vanilla)} for vanilla and "
        f"{error(pds)} for {request.method}.",
    }


def _pixels(
    image: object, number: int, size: int, left: int
) -> tuple[np.ndarray[Any, np.dtype[np.float32]], int]:
    """Decode a picture, (3, size, size) in [0, 1]; its size is looked at before its pixels.

    Args:
        image: the file in base64.
        number: of the picture, where it is refused.
        size: side in pixels of what is returned.
        left: pixels that it may have.

    Returns:
        The picture, and how many pixels it had.
    """
    refused = ValueError(
        f"picture {number} is not one that can be read: PNG, JPEG or WebP in base64"
    )
    crowded = ValueError(
        f"the pictures have over {MAX_SENT_PIXELS_TOGETHER:,} pixels together; shrink them first"
    )
    if not isinstance(image, str) or len(image) > MAX_PICTURE_CHARACTERS:
        raise refused
    try:
        content = base64.b64decode(image.rpartition(",")[2], validate=True)
        with Image.open(io.BytesIO(content), formats=SENT_FORMATS) as opened:
            claimed = opened.width * opened.height
            if claimed > MAX_SENT_PIXELS:
                raise refused
            if claimed > left:
                raise crowded
            opened.draft("RGB", (2 * size, 2 * size))
            fitted = ImageOps.fit(opened.convert("RGB"), (size, size), Image.Resampling.LANCZOS)
    except (
        binascii.Error,
        OSError,
        SyntaxError,
        ValueError,
        Image.DecompressionBombError,
    ) as error:
        raise (crowded if error is crowded else refused) from None
    pixels = np.asarray(fitted).astype(np.float32).transpose(2, 0, 1) / np.float32(255)
    return pixels, claimed


def _npy(mask: torch.Tensor) -> str:
    buffer = io.BytesIO()
    np.save(buffer, mask.float().numpy(), allow_pickle=False)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def told(run: Iterator[T]) -> Iterator[T]:
    """Pass on what comes bit by bit; a program sees what is wrong with it as one sentence."""
    try:
        yield from run
    except (ValueError, TypeError, OSError) as wrong:
        raise gr.Error(sentence_of(wrong), print_exception=False) from None


def _answered(function: Callable[..., T]) -> Callable[..., T]:
    """Let a program ask for what it may use, and see what was wrong, as one sentence."""

    @wraps(function)
    def asked(*values: Any) -> T:
        named, request = _named(function, values)
        own: Any = visits.own(named, backstage.visit_of(request))
        try:
            return function(**{name: own[name] for name in named})
        except (ValueError, TypeError, OSError) as wrong:
            raise gr.Error(sentence_of(wrong), print_exception=False) from None

    return _with_request(asked, function)


def _streamed(function: Callable[..., Iterator[T]]) -> Callable[..., Iterator[T]]:
    """Do the same for what comes bit by bit, at the pace at which it is read."""

    @wraps(function)
    def asked(*values: Any) -> Iterator[T]:
        named, request = _named(function, values)

        def start(own: Any) -> Iterator[T]:
            return function(**{name: own[name] for name in named})

        yield from told(backstage.run(function.__name__, named, start, request))

    return _with_request(asked, function)


def _named(function: Callable[..., Any], values: Sequence[Any]) -> tuple[dict[str, Any], Any]:
    """Return the values by their names, and the request that gradio puts after them."""
    names = signature(function).parameters
    return dict(zip(names, values, strict=False)), values[-1] if len(values) > len(names) else None


def _with_request(asked: Callable[..., T], function: Callable[..., Any]) -> Callable[..., T]:
    """Tell gradio that it gives a request to a function, which is none of its values."""
    kind = Parameter.POSITIONAL_OR_KEYWORD
    last = Parameter("request", kind, default=None, annotation=gr.Request)
    given = signature(function)
    named = [*given.parameters.values(), last]
    asked.__signature__ = given.replace(parameters=named)  # type: ignore[attr-defined]
    asked.__annotations__ = {**function.__annotations__, "request": gr.Request}
    return asked
