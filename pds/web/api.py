"""The functions that programs call by name: typed parameters in, plain values out.

They are also the tools of the page's MCP server, where it is switched on. Errors have the sentences
that the page shows.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pds import filters
from pds.arms.names import Arm
from pds.evaluation import gaussian
from pds.files.decoding import Fit
from pds.files.unread import Remedies, sentences
from pds.jobs.hosting import from_page
from pds.jobs.sheet import SAMPLERS, Progress, Sheet, count, draw
from pds.limits import MAX_OWN, MAX_PICTURE_CHARACTERS, MIN_PICTURES, OWN_SIZES, quoted
from pds.models import compare_request
from pds.request import Request
from pds.theory import noise_left, w2
from pds.web import exact, picture_files
from pds.web.looks import by_name
from pds.web.sentences import capital, error
from pds.web.server.frames import strip
from pds.web.server.messages import finite, picture
from pds.web.tabs.compare import inside
from pds.web.tabs.compare.measurements import Scene, observe
from pds.web.tabs.filter.gains import gains_of
from pds.web.tabs.filter.masks import npy
from pds.web.tabs.filter.sentences import gain_sentence
from pds.web.tabs.ladder.tab import column_message

SIDES = ("vanilla", "pds")
"""The sides of a comparison whose samplers have no names."""
SIDED = ("sigma", "iterations", "calls")
"""Numbers of a step that each side has."""


def compare(
    model: str = Request.model,
    num_steps: int = Request.num_steps,
    alpha: float = Request.alpha,
    frequency: bool = True,
    space: bool = False,
    num_images: int = Request.num_images,
    seed: int = Request.seed,
    tuned: bool = Request.tuned,
    left: str = Request.left,
    right: str = Request.right,
    snr: float | None = Request.snr,
    corrector_steps: int | None = Request.corrector_steps,
) -> Iterator[dict[str, Any]]:
    """Sample by two samplers from the same noise, by default vanilla and PDS; stream every step.

    Args:
        model: one of the demo's models, for example "portraits32".
        num_steps: iterations of a sampler without an N of its own, 1 to 2000.
        alpha: strength of the filters of PDS on the right, above 1; larger is weaker.
        frequency: whether it has the frequency filter.
        space: whether it has the space filter.
        num_images: images per sampler, 1 to 8.
        seed: image i starts from seed + i.
        tuned: whether the right has, instead of the filters, the noise levels and the corrector's
            strength that are best at num_steps for Gaussian data of the model's spectrum; alpha,
            frequency and space do nothing then.
        left: the sampler on the left by its name, as in docs/samplers.md: "vanilla", "pds:5",
            "pds+space:5", "scalar", "scalar:1.1", "tuned", "preserving:5", "corrector:5",
            "predictor:5", "ode-heun" or "ode-euler", with "@100" for an N of its own.
        right: the same on the right, instead of alpha, frequency, space and tuned; "" for the
            sampler that these describe.
        snr: of the corrector on both sides; null for the model's.
        corrector_steps: per iteration on both sides, 0 to 8; null for the model's.

    Yields:
        iteration, num_steps, nfe (network calls per image so far), of the side that has more of
        them; samplers, the two names, each with its N; iterations and calls of both sides; for both
        sides, "left" and "right" if one of them was named and else "vanilla" and "pds", sigma
        (of the noise at which the network was called), grain (the noise in flat places: relative to
        the "network"'s own pictures and to the "data", 1 is like them and 2 is twice the noise; and
        in "pixels", of the range 0 to 1), contrast (variance of coarse shapes relative to the
        "network"'s own pictures and to the "data", below 1 is paler; null for one image) and
        noise_left (power above half Nyquist relative to the data, no measure of grain: where the
        network draws less texture than the data, noise fills the gap); and the images side by side
        as lossless PNG data URLs, by the names of the sides.
    """
    settings = (model, num_steps, alpha, frequency, space, num_images, seed, tuned)
    names = (left, right, snr, corrector_steps)
    values = zip(fields(Request), (*settings, *names), strict=True)
    request = from_page({f.name: value for f, value in values})
    sides = _sides(left, right)
    scene = Scene.of(request)
    with closing(compare_request(request)) as pairs:
        for pair in pairs:
            moment = observe(pair, scene)
            numbers = moment.numbers
            pictures = [_data_url(strip(tiles)) for tiles in (moment.left, moment.right)]
            yield {
                "iteration": numbers["iteration"],
                "num_steps": max(step.num_steps for step in pair),
                "samplers": dict(zip(sides, map(str, request.arms), strict=True)),
                **{name: dict(zip(sides, numbers[name], strict=True)) for name in SIDED},
                "nfe": numbers["nfe"],
                **by_name(sides, numbers),
                "noise_left": dict(zip(sides, numbers["left"], strict=True)),
                **dict(zip(sides, pictures, strict=True)),
            }


def iteration(
    iterations: list[int],
    model: str = Request.model,
    num_steps: int = Request.num_steps,
    alpha: float = Request.alpha,
    frequency: bool = True,
    space: bool = False,
    seed: int = Request.seed,
    tuned: bool = Request.tuned,
    left: str = Request.left,
    right: str = Request.right,
    snr: float | None = Request.snr,
    corrector_steps: int | None = Request.corrector_steps,
) -> Iterator[dict[str, Any]]:
    """Show the arithmetic of one iteration of both samplers of /compare, for the image of a seed.

    Args:
        iterations: of the left and of the right sampler, from 1, for example [10, 10].
        model: one of the demo's models, for example "portraits32".
        num_steps: iterations of a sampler without an N of its own, 1 to 2000.
        alpha: strength of the filters, above 1; larger is weaker.
        frequency: whether PDS uses the frequency filter.
        space: whether PDS uses the space filter.
        seed: of the image; image i of /compare has seed + i.
        tuned: whether the right sampler is tuned to num_steps, see /compare.
        left: name of the sampler on the left, see /compare.
        right: the same on the right, "" for what alpha, frequency, space and tuned say.
        snr: of the corrector on both sides; null for the model's.
        corrector_steps: per iteration on both sides, 0 to 8; null for the model's.

    Yields:
        Once: iterations; and for "left" and "right" a list of substeps, the kernels of the
        iteration in order or the slopes of a flow. Of each its name, equation, terms (x_new is x
        plus the sum of factor times image), numbers that the factors follow from, error of that
        sum relative to x_new, and images by their names: norm, rms (per pixel and channel), power
        by radius, and png, a data URL in which differences from 0 (of states from 0.5) are
        multiplied by scale and centered at middle gray.
    """
    settings = (model, num_steps, alpha, frequency, space, 1, seed, tuned)
    names = (left, right, snr, corrector_steps)
    values = zip(fields(Request), (*settings, *names), strict=True)
    request = from_page({f.name: value for f, value in values})
    with closing(inside.messages(request, iterations, 0)) as messages:
        for message in messages:
            if message["kind"] == "inside":
                yield {
                    "iterations": message["iterations"],
                    **dict(zip(("left", "right"), _with_pictures(message), strict=True)),
                }


def _with_pictures(message: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Yield the substeps of each side, with the pictures in their images."""
    for substeps in message["sides"]:
        for substep in substeps:
            substep["images"] = {
                name: {
                    **{key: value for key, value in image.items() if key != "picture"},
                    "png": _png_url(message["pictures"][image["picture"]]),
                }
                for name, image in substep["images"].items()
            }
        yield substeps


def sheet(
    num_steps: list[int],
    samplers: list[str] | None = None,
    model: str = Request.model,
    num_images: int = Sheet.num_images,
    seed: int = Request.seed,
) -> Iterator[dict[str, Any]]:
    """Sample the same noise by several samplers at several numbers of iterations, cell by cell.

    Args:
        num_steps: the columns, numbers of iterations, at most 12, for example [66, 25, 20].
        samplers: the rows, names as of /compare without "@", at most 6, for example
            ["vanilla", "pds:2", "pds:5"]; null for vanilla, pds:5 and tuned.
        model: one of the demo's models, for example "portraits64".
        num_images: images of each cell, 1 to 4; rows x images x the sum of num_steps is at most
            144,000.
        seed: image i of every cell starts from seed + i.

    Yields:
        for each cell, the columns from the quickest to the slowest: sampler, num_steps, calls
        (network calls for each image), diverged (whether most of the pictures is lost); grain,
        contrast and noise_left as of /compare; and image, its images one above the other as a
        lossless PNG data URL.
    """
    names = SAMPLERS if samplers is None else samplers
    chosen = Sheet(names, num_steps, model, num_images, seed)
    with closing(draw(chosen)) as items:
        for column in items:
            if isinstance(column, Progress):
                continue
            message = column_message(chosen, column)
            looks = by_name(chosen.samplers, message)
            for row, (name, cell) in enumerate(zip(chosen.samplers, column, strict=True)):
                yield {
                    "sampler": name,
                    "num_steps": message["num_steps"],
                    "calls": cell.numbers.calls,
                    "diverged": cell.numbers.diverged,
                    **{measure: looks[measure][name] for measure in looks},
                    "noise_left": message["left"][row],
                    "image": _data_url(cell.picture),
                }


def _sides(left: str, right: str) -> tuple[str, str]:
    """Return the names of both sides of an answer: of the samplers where none is named."""
    return SIDES if (left, right) == (Request.left, Request.right) else ("left", "right")


def ladder(
    num_steps: list[int],
    model: str = Request.model,
    alpha: float = Request.alpha,
    seed: int = Request.seed,
) -> Iterator[dict[str, Any]]:
    """Sample the same noise at several numbers of iterations and stream each as it is done.

    Args:
        num_steps: numbers of iterations, at most 12, for example [66, 25, 20].
        model: one of the demo's models, for example "portraits64".
        alpha: strength of the PDS filter, above 1; larger is weaker.
        seed: image i starts from seed + i.

    Yields:
        num_steps; grain, contrast and noise_left as of /compare, and images (two, one above the
        other, as lossless PNG data URLs) of "vanilla", "pds" and "tuned", which has no filter but
        the noise levels and the corrector's strength that are best at that N for Gaussian data of
        the same spectrum.
    """
    alpha = from_page({"alpha": alpha}).alpha
    counts = num_steps
    if isinstance(num_steps, list):
        counts = list(dict.fromkeys(count(n) for n in num_steps))
    chosen = Sheet(("vanilla", str(Arm("pds", alpha)), "tuned"), counts, model, seed=seed)
    names = ("vanilla", "pds", "tuned")
    with closing(draw(chosen)) as items:
        for column in items:
            if isinstance(column, Progress):
                continue
            message = column_message(chosen, column)
            yield {
                "num_steps": message["num_steps"],
                **by_name(names, message),
                "noise_left": dict(zip(names, message["left"], strict=True)),
                "images": {
                    name: _data_url(cell.picture) for name, cell in zip(names, column, strict=True)
                },
            }


def filter_from_images(
    images: list[str], size: int = 32, alpha: float = 5.0, enlarge: bool = False
) -> dict[str, Any]:
    """Estimate the frequency and space filters of a few pictures of one kind.

    Args:
        images: 2 to 500 picture files in base64, or data URLs of them: PNG, JPEG, WebP, GIF, BMP,
            TIFF, netpbm, AVIF or JPEG 2000. They are turned upright by their EXIF, 16 bits are
            scaled, and transparency shows white, as by `python -m pds filter`.
        size: side in pixels that they are cropped and shrunk to, 32 or 64.
        alpha: strength of the filter in the summary, above 1.
        enlarge: whether pictures smaller than size are taken too; they lack its fine frequencies.

    Returns:
        num_images, the number of pictures that were read; skipped, a sentence for each kind of
        those that were not, as "picture 3" by their place in images; summary, a sentence; and
        frequency and space, the raw masks as .npy files in base64, as `main.py --freq_mask_path`
        and `--space_mask_path` take them. Fewer than 2 pictures that can be read are an error.
    """
    if not isinstance(images, list) or not MIN_PICTURES <= len(images) <= MAX_OWN:
        raise ValueError(f"images must be a list of {MIN_PICTURES} to {MAX_OWN} pictures")
    if size not in OWN_SIZES:
        raise ValueError(
            f"size must be {' or '.join(map(str, OWN_SIZES))} pixels, got {quoted(size)}"
        )
    if not isinstance(enlarge, bool):
        raise ValueError(f"enlarge must be true or false, got {quoted(enlarge)}")
    alpha = from_page({"alpha": alpha}).alpha
    pixels, skipped = picture_files.decode(_contents(images), Fit(size, enlarge=enlarge))
    unread = sentences(skipped, Remedies(enlarge="set enlarge to take {it} too"))
    if len(pixels) < MIN_PICTURES:
        first = skipped[0].name
        raise ValueError(f"{first} is not one that can be read: {'; '.join(unread)}")
    masks = filters.estimate([torch.from_numpy(pixels)])
    filters.require_usable(masks)
    return {
        "num_images": masks.num_images,
        "skipped": unread,
        "summary": gain_sentence(gains_of(masks.frequency, masks.space, alpha), alpha),
        "frequency": npy(masks.frequency, "frequency"),
        "space": npy(masks.space, "space"),
    }


def _contents(images: Sequence[object]) -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of pictures.

    Raises:
        ValueError: for one that is not in base64, or too long.
    """
    for number, file in enumerate(images):
        try:
            if not isinstance(file, str) or len(file) > MAX_PICTURE_CHARACTERS:
                raise ValueError
            yield f"picture {number}", picture_files.content_of(file)
        except ValueError:
            raise ValueError(
                f"picture {number} is not one that can be read: expected a file in base64 of at "
                f"most {MAX_PICTURE_CHARACTERS:,} characters"
            ) from None


def theory(
    num_steps: int = Request.num_steps,
    alpha: float = Request.alpha,
    model: str = "field64",
    tuned: bool = Request.tuned,
    left: str = Request.left,
    right: str = Request.right,
) -> dict[str, Any]:
    """Return the exact outcome of both samplers on a model's data taken as Gaussian, unsampled.

    Args:
        num_steps: iterations of a sampler without an N of its own, 1 to 2000.
        alpha: strength of the PDS filter on the right, above 1; larger is weaker.
        model: one of the demo's models, whose spectrum is meant, for example "portraits32".
        tuned: whether the right has, instead of the filter, the noise levels and the corrector's
            strength that are best at num_steps; alpha does nothing then.
        left: the sampler on the left by its name, as in /compare, such as "vanilla@100". A space
            filter has no exact theory unless the data are alike everywhere in a picture.
        right: the same on the right, instead of alpha and tuned; "" for what these describe.

    Returns:
        error (distance W2 to the data) and noise_left (power above half Nyquist relative to the
        data; a network's grain does not follow from it), each for both sides, "left" and "right" if
        one of them was named and else "vanilla" and "pds"; and summary, a sentence.
    """
    named = {"left": left, "right": right}
    values = {"model": model, "num_steps": num_steps, "alpha": alpha, "tuned": tuned}
    request = from_page({**values, **named})
    field, sides = gaussian.field(request.model), _sides(left, right)
    variance = exact.variances(field.model, field.data, field.model.plans(request))
    errors = w2(field.data, variance).tolist()
    noise = noise_left(field.data, variance).tolist()
    closer = capital(request.labels[errors[1] < errors[0]])
    closer = "Neither" if errors[0] == errors[1] else closer
    each = " and ".join(
        f"{error(value)} for {name}" for name, value in zip(request.labels, errors, strict=True)
    )
    return {
        "error": dict(zip(sides, map(finite, errors), strict=True)),
        "noise_left": dict(zip(sides, map(finite, noise), strict=True)),
        "summary": f"{closer} is closer to Gaussian data of this spectrum: the error is {each}.",
    }


def _data_url(pixels: NDArray[np.uint8]) -> str:
    return _png_url(picture(pixels))


def _png_url(base64: str) -> str:
    return f"data:image/png;base64,{base64}"


ENDPOINTS: tuple[Callable[..., Any], ...] = (
    compare,
    iteration,
    sheet,
    ladder,
    filter_from_images,
    theory,
)
"""All of them, by the names of the functions."""
