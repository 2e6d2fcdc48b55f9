"""A job: a request to a network in files, the settings of the run, and its output folder.

A job comes from the flags of `main.py`, which have the names of the published code; the pictures
carry the same flags, see `pds.jobs.record`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from pds.filters import NATURAL
from pds.jobs.configuration import Configuration, read
from pds.limits import require_snr, require_whole
from pds.models import default_device
from pds.request import Request

Dtype = Literal["float32", "bfloat16", "float16"]
DTYPES: tuple[Dtype, ...] = ("float32", "bfloat16", "float16")

REQUEST_FLAGS = {
    "config": "model",
    "freq_mask_path": "frequency",
    "space_mask_path": "space",
    "alpha": "alpha",
    "num_samples": "num_images",
    "seed": "seed",
    "tuned": "tuned",
}
"""Flags that are fields of the `Request`, by another name or the same."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """Everything that `main.py` draws, with all defaults filled in.

    Args:
        request: its model is the path of a configuration file, its masks are paths or False; that
            of frequency may be `filters.NATURAL`.
        configuration: the content of that file.
        workdir: folder of `checkpoints` and of the output.
        eval_folder: folder of the images in workdir.
        checkpoint: a .pth or .safetensors file, a diffusers folder or a hub name, instead of the
            one that `pds.jobs.model` finds.
        speed_up: N = int(num_scales / speed_up), > 0; eps uses it unrounded.
        ladder: numbers of iterations to compare at, instead of a speed_up.
        predictor, corrector: names as in configurations.
        snr: of the corrector, > 0.
        skew: strength of the skew-symmetric S.
        dtype: of the network; all other computation is in float32.
        batch_size: images in one network call, >= 1.
        device: cpu, cuda or cuda:N.
        compare: draw vanilla too, from the same noise.
        trajectory: keep the steps too, as an animation and as numbers.
        only: draw this image of the job and no other.

    Raises:
        ValueError: for values outside these ranges, or that exclude each other.
    """

    request: Request
    configuration: Configuration
    workdir: str
    eval_folder: str = "eval"
    checkpoint: str | None = None
    speed_up: float = 1.0
    ladder: tuple[int, ...] = ()
    predictor: str
    corrector: str
    snr: float
    skew: float = 0.0
    dtype: Dtype = "float32"
    batch_size: int
    device: str
    compare: bool = False
    trajectory: bool = False
    only: int | None = None

    def __post_init__(self) -> None:
        if self.request.frequency is True or self.request.space is True:
            raise ValueError(
                "a configuration file comes with no filters; name their masks by their paths"
            )
        if self.request.space == NATURAL:
            raise ValueError(
                "space_mask_path must be the path of a mask, got natural: the power law of natural "
                "pictures is the same everywhere in a picture, so that it has no space filter; "
                "leave space_mask_path out"
            )
        _require_speed_up(self.speed_up)
        if not math.isfinite(self.skew):
            raise ValueError(f"skew must be a finite number, got {self.skew:g}; 0 is none")
        require_snr(self.snr)
        require_whole("batch_size", self.batch_size, 1)
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, got {self.dtype!r}")
        if self.only is not None and not 0 <= self.only < self.request.num_images:
            raise ValueError(
                "only must be the number of one of the images, 0 to num_samples - 1, got "
                f"{self.only}"
            )
        self._require_ladder()
        self._require_tunable()

    def _require_ladder(self) -> None:
        if self.ladder and min(self.ladder) < 1:
            raise ValueError(
                f"ladder must list numbers of iterations >= 1, got {min(self.ladder)}; such as "
                "2000,200,133,100,66"
            )
        if self.ladder and self.speed_up != 1:
            raise ValueError("ladder sets the iterations itself; leave speed_up out")
        if self.ladder and self.trajectory:
            raise ValueError("ladder keeps no trajectory; ask for one of the two")
        if (self.compare or self.ladder) and not self.preconditioned:
            raise ValueError(
                "a comparison needs something to compare with vanilla; add freq_mask_path, "
                "space_mask_path or skew"
            )

    def _require_tunable(self) -> None:
        if not self.request.tuned:
            return
        if not self.request.frequency:
            raise ValueError(
                "tuned fits the noise levels to the spectrum in a frequency filter; add "
                "freq_mask_path"
            )
        if self.request.space:
            raise ValueError("tuned goes without a space filter; leave space_mask_path out")
        if self.skew:
            raise ValueError("tuned goes without S; leave skew out")
        if self.request.alpha != 5:
            raise ValueError("tuned has no filter that alpha could weaken; leave alpha out")

    @classmethod
    def from_flags(cls, flags: Mapping[str, Any]) -> "Job":
        """Build a job from the flags of `main.py`; None means the configured or default value.

        This runs the configuration file as code, so flags must never come from another user.

        Raises:
            FileNotFoundError: if there is no such configuration.
            ValueError: if it cannot be read, or a flag is out of range.
        """
        configuration = read(Path(flags["config"]))
        defaults: dict[str, Any] = {
            "num_samples": 1 if flags["ladder"] else configuration.num_samples,
            "batch_size": configuration.batch_size,
            "device": default_device().partition(":")[0],  # each rank takes one of them
            "predictor": configuration.predictor,
            "corrector": configuration.corrector,
            "snr": configuration.card.snr,
            "freq_mask_path": False,
            "space_mask_path": False,
        }
        values: dict[str, Any] = {
            name: defaults.get(name) if value is None else value for name, value in flags.items()
        }
        request = Request(
            num_steps=_num_steps(configuration.card.num_scales, values["speed_up"]),
            **{field: values[flag] for flag, field in REQUEST_FLAGS.items()},
        )
        job = {name: values[name] for name in JOB_FLAGS}
        return cls(request=request, configuration=configuration, **job)

    def to_flags(self) -> dict[str, Any]:
        """Return the flags that give this job, as values that JSON can hold."""
        request = {flag: getattr(self.request, field) for flag, field in REQUEST_FLAGS.items()}
        for name in ("freq_mask_path", "space_mask_path"):
            request[name] = request[name] or None
        job = {name: getattr(self, name) for name in JOB_FLAGS}
        return {**request, **job, "ladder": list(self.ladder)}

    @property
    def preconditioned(self) -> bool:
        """Return whether the sampler differs from vanilla."""
        return self.request.filtered or bool(self.skew)

    @property
    def chains(self) -> tuple[str, ...]:
        """Return the names of the samplers that are drawn together."""
        if self.compare or self.ladder:
            return ("vanilla", "pds")
        return ("pds",) if self.preconditioned else ("vanilla",)

    @property
    def counts(self) -> tuple[int, ...]:
        """Return the numbers of iterations that are drawn."""
        return self.ladder or (self.request.num_steps,)

    @property
    def folder(self) -> Path:
        """Return the folder of the images."""
        return Path(self.workdir) / self.eval_folder


JOB_FLAGS = tuple(f.name for f in fields(Job) if f.name not in ("request", "configuration"))
"""Flags that are fields of the `Job` itself."""


def _require_speed_up(speed_up: float) -> None:
    if not 0 < speed_up < math.inf:
        raise ValueError(
            f"speed_up must be a number above 0, got {speed_up:g}; 30 draws in a thirtieth of the "
            "iterations, 1 in all of them"
        )


def _num_steps(num_scales: int, speed_up: float) -> int:
    _require_speed_up(speed_up)
    num_steps = int(num_scales / speed_up)
    if num_steps < 1:
        raise ValueError(
            f"speed_up {speed_up:g} leaves no iteration of the {num_scales} that the model has; "
            f"use at most {num_scales}"
        )
    return num_steps
