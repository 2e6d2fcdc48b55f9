"""`python -m pds compare`: the page's comparison without the page."""

import argparse
from dataclasses import fields
from pathlib import Path

from pds import comparison, request_text
from pds.files import pictures
from pds.hosting import from_page
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
    """Give a parser the fields of a `Request` as flags."""
    for field in fields(Request):
        flag = "--" + field.name.replace("_", "-")
        told = f"{HELP[field.name]}; default %(default)s"
        if isinstance(field.default, bool):
            action = argparse.BooleanOptionalAction
            parser.add_argument(flag, action=action, default=field.default, help=told)
        else:
            kind = type(field.default)
            parser.add_argument(flag, type=kind, default=field.default, help=told)
    parser.add_argument("--out", type=Path, default=Path("comparison.png"), metavar="FILE.png")
    parser.set_defaults(run=_compare)


def _compare(arguments: argparse.Namespace) -> None:
    request = from_page(vars(arguments))
    comparison.save(arguments.out, request, *comparison.final(request))
    print(f"{arguments.out}: vanilla above, {request.method} below")


def command_of(path: Path) -> str | None:
    """Return the command that draws a PNG of the page again, or None if it is no such PNG."""
    text = pictures.read_text(path) if path.is_file() else None
    if not text or f'"{request_text.RECORD_KEY}"' not in text[:40]:
        return None
    return request_text.to_command(request_text.from_record(text))
