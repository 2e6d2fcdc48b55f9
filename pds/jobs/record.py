"""The record in a picture of `main.py`: the flags of its job, and which picture it is.

Flags have the names of the published code. The folder is not among them, so that a job gives the
same bytes in every folder. A record is untrusted text: reading it opens no file and runs no
configuration that it names.
"""

import dataclasses
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from pds.arms.names import parse
from pds.files.shipped import COMMAND, ROOT, shipped_name
from pds.jobs import hosting, model, request_text, sheet_files
from pds.jobs.configuration import read_configuration
from pds.jobs.job import JOB_FLAGS, REQUEST_FLAGS, Job
from pds.limits import MAX_IMAGES, MAX_SEED
from pds.models import speed_up
from pds.request import Request

FLAGS = (*REQUEST_FLAGS, *JOB_FLAGS)
PLACES = ("workdir", "eval_folder", "only")
"""Flags for the place of the output or a part of the job; a record leaves them out."""
SOURCES = ("config", "overrides", "checkpoint", "freq_mask_path", "space_mask_path", "response")
"""Flags that say where values come from; the other flags and the fingerprint hold the values."""
AMOUNTS = ("num_samples", "batch_size")
"""Flags that no image depends on."""
ADDED = ("overrides", "weights", "response")
"""Flags that older versions lack; a record has one only where it is not the default."""
DEFAULTS: dict[str, Any] = {
    **{f.name: f.default for f in dataclasses.fields(Job) if f.default is not dataclasses.MISSING},
    **{name: getattr(Request, name) for name in ("alpha", "seed", "tuned")},
    "ladder": [],
    "overrides": {},
}
"""Defaults of flags; the others are None or required."""

PUBLISHED = {
    "predictor": "reverse_diffusion",
    "corrector": "langevin",
    "snr": 0.15,
    "dtype": "float32",
    "skew": 0,
}
"""Values of flags with which the page samples portraits32."""
KINDS = {"frequency": "freq", "space": "space"}
"""Kinds of filters as a request and as a flag has them."""
CONFIG = ROOT / "configs" / "ve" / "portraits32_ncsnpp.py"
MASKS = {kind: ROOT / "filters" / f"portraits32_{kind}.npy" for kind in ("freq", "space")}
"""Files of portraits32, the only model that both the page and main.py have."""


@dataclass(frozen=True)
class Record:
    """The record of a picture.

    flags: of `main.py`, with all defaults filled in and without `PLACES`.
    fingerprint: of the model and the filters, see `pds.jobs.model`.
    num_steps, sampler, image: which picture it is; None where it shows several.
    """

    flags: dict[str, Any]
    fingerprint: str
    num_steps: int | None = None
    sampler: str | None = None
    image: int | None = None

    @classmethod
    def of(cls, job: Job, fingerprint: str) -> "Record":
        """Return the record of a job, without a picture."""
        flags = {name: value for name, value in job.to_flags().items() if name not in PLACES}
        return cls(flags, fingerprint)

    def to_json(self) -> str:
        """Return the text to be stored in a picture."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        values["request"] = {
            name: value
            for name, value in values.pop("flags").items()
            if name not in ADDED or value != DEFAULTS[name]
        }
        return json.dumps(values, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """Read the text of a picture of this version or an older one.

        Raises:
            ValueError: if it is not a record.
        """
        try:
            values = json.loads(text)
            given = values.pop("request")
            flags = {name: DEFAULTS.get(name) for name in FLAGS if name not in PLACES} | given
            record = cls(flags, **values)
            if not isinstance(flags["compare"], bool):
                left, right = map(parse, flags["compare"])
                flags["compare"] = [str(left), str(right)]
        except (TypeError, AttributeError, KeyError, RecursionError, ValueError) as error:
            raise ValueError(f"this is not the record of a run: {error}") from None
        overrides = flags["overrides"]
        plain = [value for name, value in flags.items() if name not in ("overrides", "compare")]
        if (
            not set(given) <= set(FLAGS)
            or not all(map(_is_plain, plain))
            or not isinstance(overrides, dict)
            or not all(isinstance(text, str) for text in overrides.values())
        ):
            raise ValueError("this is not the record of a run: it has other flags")
        return record

    def difference(self, other: "Record") -> str | None:
        """Describe the first difference between two records, None if the pictures are the same.

        `SOURCES` and `AMOUNTS` are not compared.
        """
        for name, mine in self.flags.items():
            its = other.flags[name]
            if name not in (*SOURCES, *AMOUNTS) and mine != its:
                return f"{name} {mine}, not {its}"
        for name in ("num_steps", "sampler", "image"):
            if getattr(self, name) != getattr(other, name):
                return f"{name} {getattr(self, name)}, not {getattr(other, name)}"
        if self.fingerprint != other.fingerprint:
            return "another model or filter"
        return None


def to_command(flags: Mapping[str, Any]) -> str:
    """Return the shell command with these flags, without those equal to their defaults.

    It is main.py's in a checkout, and `pds sample` where the package is installed. Shipped files
    have their relative paths.
    """
    in_checkout = (ROOT / "main.py").is_file()
    arguments = ["python", "main.py"] if in_checkout else ["pds", "sample"]
    for name in FLAGS:
        value = flags[name]
        if value == DEFAULTS.get(name):
            continue
        if value is True:
            arguments.append(f"--{name}")
            continue
        if name == "overrides":
            arguments += [f"--config.{key}={text}" for key, text in value.items()]
            continue
        if name == "compare":
            arguments += ["--compare", *value]
            continue
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        if name in SOURCES:
            text = shipped_name(text)
        # Joined with =, since a value that begins with a dash would be parsed as a flag.
        arguments.append(f"--{name}={text}")
    return shlex.join(arguments)


def read_request(text: str) -> Request:
    """Return the request in the record of a PNG, drawn by the page, `pds compare` or `main.py`.

    Raises:
        ValueError: if there is none, or the page cannot sample it.
    """
    kinds = request_text.json_object(text).keys()
    if request_text.RECORD_KEY in kinds:
        return request_text.from_record(text)
    if sheet_files.RECORD_KEY in kinds:
        raise ValueError(
            f"this is a sheet of many comparisons; {' '.join(COMMAND)} show prints its command"
        )
    record = Record.from_json(text)
    request = _request(record)
    if request is None:
        raise ValueError(
            "main.py sampled this image with a model or settings that the page does not have; "
            f"{' '.join(COMMAND)} show prints its command"
        )
    return request


def _request(record: Record) -> Request | None:
    """Return the page's request for the same pictures, if there is one."""
    flags = record.flags
    count, seed, num_steps = flags["num_samples"] or 1, flags["seed"], _num_steps(record)
    for value in (num_steps or 0, record.image or 0, count, seed):
        _require_count(value)
    if num_steps is None or any(flags[name] != value for name, value in PUBLISHED.items()):
        return None
    sampler: dict[str, Any] = {
        name: bool(flags[f"{flag}_mask_path"]) for name, flag in KINDS.items()
    }
    sampler["tuned"] = flags["tuned"]
    if isinstance(flags["compare"], list):
        sampler |= zip(("left", "right"), flags["compare"], strict=True)
    if record.fingerprint != _fingerprint(sampler):
        return None
    return hosting.from_page(
        {
            **sampler,
            "num_steps": num_steps,
            "alpha": flags["alpha"],
            "num_images": min(MAX_IMAGES, count) if record.image is None else 1,
            "seed": seed + (record.image or 0),
        }
    )


def _num_steps(record: Record) -> int | None:
    """Return N if the page has the same eps at this N, else None."""
    rate, num_steps = record.flags["speed_up"], record.num_steps
    if record.flags["ladder"]:
        return num_steps  # None in the record of a sheet, which shows several N
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not rate > 0:
        raise _damaged()
    if num_steps is None:
        num_steps = max(1, int(2000 / max(1, rate)))
    _require_count(num_steps)
    return num_steps if num_steps > 0 and rate == speed_up(2000, num_steps) else None


def _fingerprint(sampler: Mapping[str, Any]) -> str:
    """Return the fingerprint of portraits32 with its filters, for these fields of a request."""
    masks = {name: str(MASKS[flag]) if sampler[name] else False for name, flag in KINDS.items()}
    configuration = read_configuration(CONFIG)
    job = Job(
        request=Request(**{**sampler, "model": str(CONFIG), **masks}),
        configuration=configuration,
        workdir=str(ROOT / "no" / "such" / "folder"),
        predictor=configuration.predictor,
        corrector=configuration.corrector,
        snr=configuration.card.snr,
        batch_size=1,
        device="cpu",
    )
    return model.fingerprint(model.open_model(job, torch.device("cpu")), job)


def _require_count(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_SEED:
        raise _damaged()


def _damaged() -> ValueError:
    return ValueError("this image's record is damaged; its settings cannot be read")


def _is_plain(value: object) -> bool:
    """Return whether a value is of a type that flags have."""
    if isinstance(value, list):
        return all(isinstance(item, int) for item in value)
    return value is None or isinstance(value, str | int | float)
