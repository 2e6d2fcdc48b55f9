"""Two samplers from the same noise: their run, one of its iterations, and the exact outcome."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields
from typing import Any

from pds.evaluation import gaussian
from pds.jobs.hosting import from_page
from pds.models import compare_request
from pds.request import Request
from pds.theory import noise_left, w2
from pds.web import exact
from pds.web.api.pictures import data_url, png_url
from pds.web.grain_contrast import by_name
from pds.web.sentences import capital, error
from pds.web.server.frames import strip
from pds.web.server.messages import finite
from pds.web.tabs.compare import inside
from pds.web.tabs.compare.measurements import Scene, observe

SIDES = ("vanilla", "pds")
"""The sides of a comparison whose samplers have no names."""
SIDED = ("sigma", "iterations", "calls", "noise_ratio")
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
            snr that are best at num_steps for Gaussian data of the model's spectrum; alpha,
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
        (of the noise at which the network was called), noise_ratio (standard deviation of the noise
        in the state over the sigma of the next network call; null at the end, and where sigma
        is below twice the texture of the network's own images), grain (the noise in flat places:
        relative to the "network"'s own images and to the "data", 1 is like them and 2 is twice
        the noise; and in "pixels", of the range 0 to 1), contrast (variance of coarse shapes
        relative to the "network"'s own images and to the "data", below 1 is paler; null for one
        image) and noise_left (power above half Nyquist relative to the data, no measure of grain:
        where the network's images have less texture than the data, noise fills the gap); and the
        images side by side as lossless PNG data URLs, by the names of the sides.
    """
    settings = (model, num_steps, alpha, frequency, space, num_images, seed, tuned)
    request = _request(*settings, left, right, snr, corrector_steps)
    sides = _sides(left, right)
    scene = Scene.of(request)
    with closing(compare_request(request)) as pairs:
        for pair in pairs:
            moment = observe(pair, scene)
            numbers = moment.numbers
            pictures = [data_url(strip(tiles)) for tiles in (moment.left, moment.right)]
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
    request = _request(*settings, left, right, snr, corrector_steps)
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
                    "png": png_url(message["pictures"][image["picture"]]),
                }
                for name, image in substep["images"].items()
            }
        yield substeps


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
            snr that are best at num_steps; alpha does nothing then.
        left: the sampler on the left by its name, as in /compare, such as "vanilla@100". A space
            filter has no exact theory unless the data are stationary.
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
    variance = exact.final_variances(field.model, field.data, field.model.plans(request))
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


def _request(*values: object) -> Request:
    """Return the request with these values, in the order of its fields."""
    named = zip(fields(Request), values, strict=True)
    return from_page({field.name: value for field, value in named})


def _sides(left: str, right: str) -> tuple[str, str]:
    """Return the names of both sides of an answer: of the samplers where none is named."""
    return SIDES if (left, right) == (Request.left, Request.right) else ("left", "right")
