"""A request as text: a link's query, a command, five lines of Python, the record in a PNG.

Each form gives the request back. Text that is read may come from anyone: every value passes
`pds.jobs.hosting`, so no path in it is ever opened.
"""

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any
from urllib.parse import parse_qs, urlencode

from pds.files.shipped import COMMAND
from pds.jobs.hosting import from_page, hosted
from pds.models import MODELS
from pds.request import Request

RECORD_KEY = "comparison"
"""Key of the request in a PNG's record; records of main.py do not have it."""

DEFAULTS = {"left": "vanilla", "right": "", "snr": None, "corrector_steps": None}
"""Fields that a text omits if they have these values."""

NAMED = {"alpha", "frequency", "space", "tuned"}
"""Fields that a text omits if the sampler on the right has a name."""

ADDED_FIELDS = {"tuned", *DEFAULTS}
"""Fields that the records of older versions lack."""

MAX_CHARACTERS = 10_000
"""Longest query or record that is read; those written here have a few hundred characters."""

PRIVATE = (
    "the model of your own images is kept for your visit only, so this comparison cannot be "
    "shared; choose another model, or download the images"
)
_SWITCH = {"1": True, "true": True, "0": False, "false": False}
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")


def given(request: Request) -> dict[str, Any]:
    """Return the fields of a request that a text of it has."""
    left_out = NAMED if request.right else set()
    return {
        name: value
        for name, value in asdict(request).items()
        if name not in left_out and (name not in DEFAULTS or value != DEFAULTS[name])
    }


def to_query(request: Request) -> str:
    """Return the query of the request's link, without the question mark.

    Raises:
        ValueError: for a visitor's own model, whose name is not passed on.
    """
    values = given(_shareable(request))
    return urlencode({name: _text(value) for name, value in values.items()})


def from_query(query: str) -> tuple[Request, bool, str]:
    """Read a link's query; unknown names are ignored, and the last of repeated ones is used.

    Returns:
        The request, with defaults for missing and invalid values; whether the query has any field
        of a request; and the error of the first invalid value, "" if there is none.
    """
    try:
        values = parse_qs(query[:MAX_CHARACTERS].removeprefix("?"), keep_blank_values=True)
    except ValueError:
        return Request(), True, "this link cannot be read; its settings are left out"
    names = [f.name for f in fields(Request) if f.name in values]
    present: dict[str, Any] = {name: _READ.get(name, _number)(values[name][-1]) for name in names}
    good: dict[str, Any] = {}
    sentences = []
    for name, value in present.items():
        try:
            _shareable(from_page({name: value}))
            good[name] = value
        except ValueError as error:
            sentences.append(str(error))
    return from_page(good), bool(present), next(iter(sentences), "")


def to_command(request: Request, out: str = "comparison.png") -> str:
    """Return the shell command that samples the request as one PNG.

    Raises:
        ValueError: for a visitor's own model.
    """
    arguments = [*COMMAND, "compare"]
    for name, value in given(_shareable(request)).items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            arguments.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            arguments += [f"--{flag}", _text(value)]
    return shlex.join([*arguments, "--out", out])


def to_python(request: Request) -> str:
    """Return five lines of Python that sample the request, for the project's folder.

    Raises:
        ValueError: for a visitor's own model.
    """
    values = ", ".join(f"{name}={value!r}" for name, value in given(_shareable(request)).items())
    return (
        "from pds.jobs.comparison import final, save\n"
        "from pds.request import Request\n\n"
        f"request = Request({values})\n"
        "left, right = final(request)  # .tiles (num_images, H, W, channels) uint8, .quality\n"
        'save("comparison.png", request, left, right)\n'
    )


def to_record(request: Request) -> str:
    """Return the text for a PNG of the request, without the name of a visitor's model."""
    values = given(request)
    if request.model not in MODELS:
        values["model"] = None
    return json.dumps({RECORD_KEY: values}, sort_keys=True)


def from_record(text: str) -> Request:
    """Read a text of `to_record`, of this version or an older one.

    Raises:
        ValueError: if it is not such a text, or the page does not accept its request.
    """
    values = json_object(text).get(RECORD_KEY)
    names = {f.name for f in fields(Request)}
    if not isinstance(values, dict) or not _required(values) <= set(values) <= names:
        raise ValueError("this image was made by another version; its settings cannot be read")
    if values["model"] is None:
        raise ValueError(
            "this comparison was made with a visitor's own images; choose them again on the tab "
            "Your images"
        )
    return _shareable(from_page(values))


def _required(values: dict[str, Any]) -> set[str]:
    """Return the fields that a record must have."""
    names = {f.name for f in fields(Request)} - ADDED_FIELDS
    return names - NAMED if values.get("right") else names


def json_object(text: str) -> dict[str, Any]:
    """Return the object in the record of a PNG.

    Raises:
        ValueError: if it is too long or not a JSON object.
    """
    try:
        values = json.loads(text) if len(text) <= MAX_CHARACTERS else None
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise ValueError("this image does not say how it was made; the page did not make it")
    return values


def _shareable(request: Request) -> Request:
    """Return a request after a check that it can be used by another visitor."""
    if request.model not in MODELS:
        raise ValueError(PRIVATE)
    return hosted(request)


def _text(value: object) -> str:
    """Write a value as in a link: 1 and 0 for switches, no point in whole numbers."""
    if isinstance(value, bool):
        return str(int(value))
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _switch(text: str) -> bool | str:
    return _SWITCH.get(text.lower(), text)


def _number(text: str) -> float | str:
    return float(text) if _NUMBER.fullmatch(text) else text


_READ: dict[str, Callable[[str], object]] = {
    "model": str,
    **dict.fromkeys(("frequency", "space", "tuned"), _switch),
    **dict.fromkeys(("left", "right"), str),
}
"""Readers of the fields that are not numbers."""
