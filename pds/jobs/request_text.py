"""A comparison's request as text: a link's query, a command, five lines of Python, a PNG's record.

Every form gives the request back, so that one `Request` stands behind page, API, command line and
Python. Text that comes back is from anyone: it is read value by value and never opened as a path.
"""

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any
from urllib.parse import parse_qs, urlencode

import torch

from pds.jobs import configs, run_model
from pds.jobs.run_request import Record, RunRequest
from pds.limits import MAX_IMAGES, MAX_SEED
from pds.models import MODELS, ROOT, Request, speed_up

KEY = "comparison"
"""Of a request in the record of a PNG, beside which the records of `main.py` have none."""

CONFIG = ROOT / "configs" / "ve" / "portraits32_ncsnpp.py"
MASKS = {kind: ROOT / "filters" / f"portraits32_{kind}.npy" for kind in ("freq", "space")}
"""What the command line needs for the page's own network, the only model that both have."""

ADDED = {"tuned"}
"""Fields that older pictures do not have."""

LONGEST = 10_000
"""Characters of a query or a record; ours have a few hundred."""

PRIVATE = (
    "The model of your own images is only here and for a while, so this comparison cannot be "
    "passed on; choose another model, or download what you see"
)
_SWITCH = {"1": True, "true": True, "0": False, "false": False}
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")


def to_query(request: Request) -> str:
    """Return the query of the link that asks for this, without the question mark.

    Raises:
        ValueError: for a visitor's own model, whose name is not passed on.
    """
    values = asdict(_shareable(request))
    return urlencode({name: _word(value) for name, value in values.items()})


def from_query(query: str) -> tuple[Request, bool, str]:
    """Read a link's query; other names in it are ignored, of a repeated one the last counts.

    Returns:
        The request, with defaults where the query says nothing or nothing usable; whether it says
        anything of a request; and what is wrong with the first bad value, "" if nothing is.
    """
    try:
        found = parse_qs(query[:LONGEST].removeprefix("?"), keep_blank_values=True)
    except ValueError:
        return Request(), True, "this link cannot be read; its settings are left out"
    names = [f.name for f in fields(Request) if f.name in found]
    given: dict[str, Any] = {name: _READ.get(name, _number)(found[name][-1]) for name in names}
    good: dict[str, Any] = {}
    sentences = []
    for name, value in given.items():
        try:
            _shareable(Request(**{name: value}))
            good[name] = value
        except ValueError as error:
            sentences.append(str(error))
    return Request(**good), bool(given), next(iter(sentences), "")


def to_command(request: Request, out: str = "comparison.png") -> str:
    """Return the shell command that draws this and writes it as one picture.

    Raises:
        ValueError: for a visitor's own model.
    """
    words = ["python", "-m", "pds", "compare"]
    for name, value in asdict(_shareable(request)).items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words += [f"--{flag}", _word(value)]
    return shlex.join([*words, "--out", out])


def to_python(request: Request) -> str:
    """Return five lines that draw this in the project's folder.

    Raises:
        ValueError: for a visitor's own model.
    """
    values = ", ".join(f"{name}={value!r}" for name, value in asdict(_shareable(request)).items())
    return (
        "from pds.jobs.comparison import final, save\n"
        "from pds.models import Request\n\n"
        f"request = Request({values})\n"
        "vanilla, pds = final(request)  # (num_images, H, W, channels), uint8\n"
        'save("comparison.png", request, vanilla, pds)\n'
    )


def to_record(request: Request) -> str:
    """Return the text that a picture of this carries; a visitor's own model has no name in it."""
    values = asdict(request)
    if request.model not in MODELS:
        values["model"] = None
    return json.dumps({KEY: values}, sort_keys=True)


def from_record(text: str) -> Request:
    """Read what a PNG says of itself, one of the page's or of `main.py`'s.

    Raises:
        ValueError: if it says nothing, or something that the page cannot sample.
    """
    try:
        values = json.loads(text) if len(text) <= LONGEST else None
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise ValueError("this picture does not say how it was made; the page did not draw it")
    if KEY not in values:
        return _from_run(Record.from_json(text))
    request = values[KEY]
    names = {f.name for f in fields(Request)}
    if not isinstance(request, dict) or not names - ADDED <= set(request) <= names:
        raise ValueError("this picture was drawn by another version; its settings cannot be read")
    if request["model"] is None:
        raise ValueError(
            "this picture was drawn with a visitor's own images; bring them again on the tab "
            "Your images"
        )
    return _shareable(Request(**request))


def _from_run(record: Record) -> Request:
    """Turn the request of `main.py` into the page's, if it asks for the same pictures."""
    run = record.request
    for value in (record.num_steps, record.image):
        if value is not None and (not isinstance(value, int) or not 0 <= value <= MAX_SEED):
            raise ValueError("this picture's record is damaged; its settings cannot be read")
    num_steps = record.num_steps or max(1, int(2000 / max(1, run.speed_up)))
    rate = speed_up(2000, num_steps) if run.ladder else run.speed_up
    kernels = (run.predictor, run.corrector, run.snr, run.dtype, run.skew)
    same = (
        (record.num_steps is not None or not run.ladder)
        and kernels == ("reverse_diffusion", "langevin", 0.15, "float32", 0)
        and rate == speed_up(2000, num_steps)
        and record.fingerprint == _fingerprint(run)
    )
    if not same:
        raise ValueError(
            "main.py drew this picture with a model or settings that the page does not have; "
            "python -m pds show prints its command"
        )
    first, count = (
        (0, min(MAX_IMAGES, run.num_samples or 1)) if record.image is None else (record.image, 1)
    )
    return Request(
        num_steps=num_steps,
        alpha=run.alpha,
        frequency=bool(run.freq_mask_path),
        space=bool(run.space_mask_path),
        num_images=count,
        seed=run.seed + first,
        tuned=run.tuned,
    )


def _fingerprint(run: RunRequest) -> str:
    """Return what `main.py` writes for the shipped network with such filters, at any N."""
    request = RunRequest(
        config=str(CONFIG),
        workdir=str(ROOT / "no" / "such" / "folder"),
        device="cpu",
        speed_up=100,  # few iterations, for which tuning takes no time
        freq_mask_path=str(MASKS["freq"]) if run.freq_mask_path else None,
        space_mask_path=str(MASKS["space"]) if run.space_mask_path else None,
        tuned=run.tuned,
    )
    configuration = configs.read(CONFIG)
    resolved = request.resolved(configuration)
    return run_model.load(resolved, configuration, torch.device("cpu")).fingerprint


def _shareable(request: Request) -> Request:
    if request.model not in MODELS:
        raise ValueError(PRIVATE)
    return request


def _word(value: object) -> str:
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
}
"""Readers of the fields that are no numbers."""
