"""`pds compare`: the page's comparison without the page."""

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any

from pds.arms.names import FORMS
from pds.jobs import comparison, request_text
from pds.jobs.hosting import from_page
from pds.models import MODELS
from pds.request import Request

HELP = {
    "model": "one of " + ", ".join(MODELS),
    "num_steps": "iterations of a sampler without @N",
    "alpha": "of the PDS on the right, > 1, larger is weaker",
    "frequency": "whether it has the frequency filter",
    "space": "whether it has the space filter",
    "num_images": "per sampler",
    "seed": "image i is drawn from seed + i",
    "tuned": "instead, the noise levels and the snr that are best at this N",
    "left": "the sampler on the left by its name, such as vanilla@100",
    "right": "the sampler on the right by its name, such as pds:5@40, instead of --alpha, "
    "--frequency, --space and --tuned",
    "snr": "of the corrector on both sides; by default the model's",
    "corrector_steps": "per iteration on both sides, 0 for none; by default the model's",
}
TYPES = {"snr": float, "corrector_steps": int}
"""Types of the fields that are None by default."""


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command the fields of a `Request` as options."""
    parser.description = "Draws two samplers from the same noise, one above the other."
    parser.epilog = f"By its name {FORMS}."
    for field in fields(Request):
        flag = "--" + field.name.replace("_", "-")
        sentence = HELP[field.name]
        if field.default not in (None, ""):
            sentence += f"; default {field.default}"
        # Of these a default could not be told from a flag beside --right.
        absent = argparse.SUPPRESS if field.name in request_text.NAMED else field.default
        options: dict[str, Any] = {"default": absent, "help": sentence}
        if isinstance(field.default, bool):
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, **options)
        else:
            kind = TYPES.get(field.name, type(field.default))
            parser.add_argument(flag, type=kind, **options)
    parser.add_argument("--out", type=Path, default=Path("comparison.png"), metavar="FILE.png")


def run(arguments: argparse.Namespace) -> None:
    """Draw the comparison, write it as one picture, and say grain and contrast of both sides.

    Raises:
        ValueError: for values out of range, or a name on the right beside flags that describe it.
    """
    given = vars(arguments)
    flags = [name for name in HELP if name in request_text.NAMED and name in given]
    if given.get("right") and flags:
        raise ValueError(
            f"--right {given['right']} and --{flags[0]} both describe the sampler on the right; "
            f"leave --{flags[0]} out"
        )
    request = from_page(given)
    left, right = comparison.final(request)
    comparison.save(arguments.out, request, left, right)
    print("{}: {} above, {} below".format(arguments.out, *request.labels))
    print(comparison.sentence(request, left, right))
