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

PICTURES = {
    "model": "one of " + ", ".join(MODELS),
    "num_steps": "iterations of a sampler without @N in its name",
    "num_images": "images of each sampler",
    "seed": "image i starts from seed + i",
}
BY_NAME = {
    "left": "sampler on the left by its name, such as vanilla@100",
    "right": "sampler on the right by its name, such as pds:5@40; default PDS with the "
    "options below",
}
BY_FLAGS = {
    "alpha": "strength of the filters, > 1; larger is weaker",
    "frequency": "use the frequency filter",
    "space": "use the space filter",
    "tuned": "use no filter, but the noise levels and the snr that are best for the model's "
    "spectrum at this N",
}
BOTH = {
    "snr": "of the corrector, > 0; default that of the model",
    "corrector_steps": "corrector steps of an iteration, 0 for none; default that of the model",
}
GROUPS = {
    "images": PICTURES,
    "samplers by their names": BY_NAME,
    "the sampler on the right, unless --right names it": BY_FLAGS,
    "the corrector of both": BOTH,
}
"""The fields of a `Request`, each with its help, in the groups of the help."""

TYPES = {"snr": float, "corrector_steps": int}
"""Types of the fields that are None by default."""

METAVARS = {
    "model": "MODEL",
    "alpha": "A",
    "left": "NAME",
    "right": "NAME",
    "snr": "SNR",
}
"""Metavars of options whose value is not a whole number; the others have N."""


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command the fields of a `Request` as options."""
    parser.description = (
        "Runs two samplers from the same noise, writes one PNG, the left sampler above the right, "
        "and prints grain and contrast of both. `show` prints the command of such a PNG."
    )
    parser.epilog = f"""\
Names: {FORMS}.

examples:
  %(prog)s --num-steps 25 --alpha 5 --seed 7
  %(prog)s --left vanilla@50 --right pds:5@25 --out comparison.png"""
    defaults = {field.name: field.default for field in fields(Request)}
    for title, helps in GROUPS.items():
        group = parser.add_argument_group(title)
        for name, sentence in helps.items():
            _add_field(group, name, sentence, defaults[name])
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("comparison.png"),
        metavar="FILE.png",
        help="PNG to write; default %(default)s",
    )


def _add_field(group: argparse._ArgumentGroup, name: str, sentence: str, default: Any) -> None:
    flag = "--" + name.replace("_", "-")
    if default not in (None, ""):
        shown = ("no", "yes")[default] if isinstance(default, bool) else default
        sentence += f"; default {shown}"
    # Beside --right these flags are refused; their defaults must not count as given.
    absent = argparse.SUPPRESS if name in request_text.NAMED else default
    options: dict[str, Any] = {"default": absent, "help": sentence}
    if isinstance(default, bool):
        group.add_argument(flag, action=argparse.BooleanOptionalAction, **options)
    else:
        kind = TYPES.get(name, type(default))
        group.add_argument(flag, type=kind, metavar=METAVARS.get(name, "N"), **options)


def run(arguments: argparse.Namespace) -> None:
    """Draw the comparison, write it as one picture, and say grain and contrast of both sides.

    Raises:
        ValueError: for values out of range, or a name on the right beside flags that describe it.
    """
    given = vars(arguments)
    flags = [name for name in BY_FLAGS if name in given]
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
