"""`pds compare`: the page's comparison without the page."""

import argparse
from dataclasses import fields
from pathlib import Path

from pds.jobs import comparison
from pds.jobs.hosting import from_page
from pds.models import MODELS
from pds.request import Request

HELP = {
    "model": "one of " + ", ".join(MODELS),
    "num_steps": "iterations of a sampler without @N",
    "alpha": "> 1, larger is weaker",
    "frequency": "whether PDS has the frequency filter",
    "space": "whether PDS has the space filter",
    "num_images": "per sampler",
    "seed": "image i is drawn from seed + i",
    "tuned": "the noise levels and the snr that are best at this N, instead of filters",
    "left": "name of the sampler on the left, such as vanilla@100 or ode-heun, as in `evaluate`",
    "right": "the same on the right, such as pds:5@40; by default what the filters say",
    "snr": "of the corrector on both sides; by default the model's",
    "corrector_steps": "per iteration on both sides, 0 for none; by default the model's",
}
TYPES = {"snr": float, "corrector_steps": int}
"""Types of the fields that are None by default."""


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command the fields of a `Request` as options."""
    for field in fields(Request):
        flag = "--" + field.name.replace("_", "-")
        sentence = HELP[field.name]
        if field.default not in (None, ""):
            sentence += "; default %(default)s"
        if isinstance(field.default, bool):
            action = argparse.BooleanOptionalAction
            parser.add_argument(flag, action=action, default=field.default, help=sentence)
        else:
            kind = TYPES.get(field.name, type(field.default))
            parser.add_argument(flag, type=kind, default=field.default, help=sentence)
    parser.add_argument("--out", type=Path, default=Path("comparison.png"), metavar="FILE.png")


def run(arguments: argparse.Namespace) -> None:
    """Draw the comparison, write it as one picture, and say grain and contrast of both sides."""
    request = from_page(vars(arguments))
    left, right = comparison.final(request)
    comparison.save(arguments.out, request, left, right)
    print("{}: {} above, {} below".format(arguments.out, *request.labels))
    print(comparison.sentence(request, left, right))
