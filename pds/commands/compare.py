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
    "num_steps": "iterations of both samplers",
    "alpha": "> 1, larger is weaker",
    "frequency": "whether PDS has the frequency filter",
    "space": "whether PDS has the space filter",
    "num_images": "per sampler",
    "seed": "image i is drawn from seed + i",
    "tuned": "the noise levels and the snr that are best at this N, instead of filters",
}


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command the fields of a `Request` as options."""
    for field in fields(Request):
        flag = "--" + field.name.replace("_", "-")
        sentence = f"{HELP[field.name]}; default %(default)s"
        if isinstance(field.default, bool):
            action = argparse.BooleanOptionalAction
            parser.add_argument(flag, action=action, default=field.default, help=sentence)
        else:
            kind = type(field.default)
            parser.add_argument(flag, type=kind, default=field.default, help=sentence)
    parser.add_argument("--out", type=Path, default=Path("comparison.png"), metavar="FILE.png")


def run(arguments: argparse.Namespace) -> None:
    """Draw the comparison, write it as one picture, and say grain and contrast of both sides."""
    request = from_page(vars(arguments))
    vanilla, pds = comparison.final(request)
    comparison.save(arguments.out, request, vanilla, pds)
    print(f"{arguments.out}: vanilla above, {request.method} below")
    print(comparison.sentence(request, vanilla, pds))
