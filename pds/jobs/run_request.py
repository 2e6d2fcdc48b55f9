"""The request of a sampling run: every flag of `main.py`, as one value.

A file of the run carries its `Record`: the request with all defaults filled in, what the model was,
and which picture of the run the file is. The folder is not part of it, so that the same request
gives the same bytes wherever it is drawn.
"""

import dataclasses
import json
import math
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pds.jobs.configs import Configuration
from pds.limits import MAX_SEED
from pds.models import DEVICE

Dtype = Literal["float32", "bfloat16", "float16"]
DTYPES: tuple[Dtype, ...] = ("float32", "bfloat16", "float16")

PLACES = ("workdir", "eval_folder", "only")
"""Fields that say where, or which part of the run, to draw; a record leaves them out."""

SOURCES = ("config", "checkpoint", "freq_mask_path", "space_mask_path")
"""Fields whose files the record's fingerprint describes better than their names."""


@dataclass(frozen=True)
class RunRequest:
    """Everything that `main.py` can be asked for; None leaves a value to the configuration.

    Args:
        config: path of a configuration file.
        workdir: folder that has `checkpoints` and gets the images.
        eval_folder: folder of the images in it.
        speed_up: N = int(num_scales / speed_up), > 0.
        freq_mask_path, space_mask_path: raw masks, .npy; without both the sampler is vanilla.
        alpha: strength of the filters, > 1; larger is weaker.
        checkpoint: a .pth or .safetensors file, instead of the workdir's.
        num_samples: number of images, >= 1.
        batch_size: images in one network call, >= 1.
        seed: image i is drawn from seed + i.
        device: cpu, cuda or cuda:N; cuda where there is one.
        dtype: of the network; everything around it is float32.
        predictor, corrector: names as in configurations.
        snr: of the corrector, > 0.
        skew: strength of the skew-symmetric S.
        tuned: take the noise levels and the snr that are best for the spectrum in freq_mask_path at
            the run's own N, see `pds.theory.tuned`, and no filter.
        compare: draw vanilla too, from the same noise.
        trajectory: keep the steps too, as an animation and as numbers.
        ladder: numbers of iterations to compare at, instead of a speed_up.
        only: draw this image of the run and no other.

    Raises:
        ValueError: for values outside these ranges, or that do not go together.
    """

    config: str
    workdir: str
    eval_folder: str = "eval"
    speed_up: float = 1.0
    freq_mask_path: str | None = None
    space_mask_path: str | None = None
    alpha: float = 5.0
    checkpoint: str | None = None
    num_samples: int | None = None
    batch_size: int | None = None
    seed: int = 0
    device: str | None = None
    dtype: Dtype = "float32"
    predictor: str | None = None
    corrector: str | None = None
    snr: float | None = None
    skew: float = 0.0
    tuned: bool = False
    compare: bool = False
    trajectory: bool = False
    ladder: tuple[int, ...] = ()
    only: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "ladder", tuple(self.ladder))
        self._require_numbers()
        self._require_choices()
        if self.only is not None and not 0 <= self.only < (self.num_samples or math.inf):
            raise ValueError(
                f"only must be the number of one of the images, 0 to num_samples - 1, got "
                f"{self.only}"
            )

    def _require_numbers(self) -> None:
        if not 0 < self.speed_up < math.inf:
            raise ValueError(
                f"speed_up must be a number above 0, got {self.speed_up:g}; 30 draws in a "
                "thirtieth of the iterations, 1 in all of them"
            )
        if not 1 < self.alpha < math.inf:
            raise ValueError(
                f"alpha must be > 1, got {self.alpha:g}; a larger alpha is a weaker filter, the "
                "paper uses 5"
            )
        if not math.isfinite(self.skew):
            raise ValueError(f"skew must be a finite number, got {self.skew:g}; 0 is none")
        if self.snr is not None and not 0 < self.snr < math.inf:
            raise ValueError(f"snr must be > 0, got {self.snr:g}; the paper uses 0.075 to 0.16")
        for name in ("num_samples", "batch_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be >= 1, got {value}")
        if not 0 <= self.seed <= MAX_SEED:
            raise ValueError(f"seed must lie in 0 to {MAX_SEED}, got {self.seed}")
        if self.ladder and min(self.ladder) < 1:
            raise ValueError(
                f"ladder must list numbers of iterations >= 1, got {min(self.ladder)}; such as "
                "2000,200,133,100,66"
            )

    def _require_choices(self) -> None:
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, got {self.dtype!r}")
        if self.ladder and self.speed_up != 1:
            raise ValueError("ladder sets the iterations itself; leave speed_up out")
        if self.ladder and self.trajectory:
            raise ValueError("ladder keeps no trajectory; ask for one of the two")
        if (self.compare or self.ladder) and not self.preconditioned:
            raise ValueError(
                "a comparison needs something to compare with vanilla; add freq_mask_path, "
                "space_mask_path or skew"
            )

        self._require_tunable()

    def _require_tunable(self) -> None:
        if not self.tuned:
            return
        if self.freq_mask_path is None:
            raise ValueError(
                "tuned fits the noise levels to the spectrum in a frequency filter; add "
                "freq_mask_path"
            )
        for name, what in (("space_mask_path", "a space filter"), ("skew", "S")):
            if getattr(self, name):
                raise ValueError(f"tuned goes without {what}; leave {name} out")
        if self.alpha != 5:
            raise ValueError("tuned has no filter that alpha could weaken; leave alpha out")

    @property
    def preconditioned(self) -> bool:
        """Return whether M or S is more than vanilla's."""
        return bool(self.freq_mask_path or self.space_mask_path or self.skew)

    @property
    def samplers(self) -> tuple[str, ...]:
        """Return the names of the chains that are drawn together."""
        if self.compare or self.ladder:
            return ("vanilla", "pds")
        return ("pds",) if self.preconditioned else ("vanilla",)

    @property
    def folder(self) -> Path:
        """Return the folder of the images."""
        return Path(self.workdir) / self.eval_folder

    def resolved(self, configuration: Configuration) -> "RunRequest":
        """Fill in what was left to the configuration and the machine."""
        defaults = {
            "num_samples": 1 if self.ladder else configuration.num_samples,
            "batch_size": configuration.batch_size,
            "device": DEVICE,
            "predictor": configuration.predictor,
            "corrector": configuration.corrector,
            "snr": configuration.card.snr,
        }
        given = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        for name, value in defaults.items():
            if given[name] is None:
                given[name] = value
        return RunRequest(**given)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold; `from_dict` takes them back."""
        return {**dataclasses.asdict(self), "ladder": list(self.ladder)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "RunRequest":
        """Build a request from plain values.

        Raises:
            ValueError: if a value is missing, unknown or out of range.
        """
        try:
            return cls(**values)
        except (TypeError, AttributeError) as error:
            raise ValueError(f"this is not the request of a run: {error}") from None

    def command(self) -> str:
        """Return the shell command that asks for this."""
        words = ["python", "main.py"]
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value == field.default:
                continue
            if value is True:
                words.append(f"--{field.name}")
                continue
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            # In one word: a value that begins with a dash would read as another flag.
            words.append(f"--{field.name}={text}")
        return shlex.join(words)


@dataclass(frozen=True)
class Record:
    """What a file of a run says about itself.

    request: with all defaults filled in; its `PLACES` are empty.
    fingerprint: of the model and the filters, see `pds.jobs.run_model`.
    num_steps, sampler, image: which picture it is; None where the file shows several.
    """

    request: RunRequest
    fingerprint: str
    num_steps: int | None = None
    sampler: str | None = None
    image: int | None = None

    def to_json(self) -> str:
        """Return the text that files carry."""
        request = {k: v for k, v in self.request.to_dict().items() if k not in PLACES}
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return json.dumps({**values, "request": request}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """Read the text back.

        Raises:
            ValueError: if it is no such text.
        """
        try:
            values = json.loads(text)
            request = RunRequest.from_dict({"workdir": "", **values.pop("request")})
            return cls(request=request, **values)
        except (TypeError, AttributeError, KeyError, RecursionError, ValueError) as error:
            raise ValueError(f"this is not the record of a run: {error}") from None

    def difference(self, other: "Record") -> str | None:
        """Name the first value that keeps two files from being one and the same picture.

        How many pictures the run has, and what its source files are called, does not matter.
        """
        ignored = {*PLACES, *SOURCES, "num_samples"}
        for field in dataclasses.fields(RunRequest):
            mine, its = getattr(self.request, field.name), getattr(other.request, field.name)
            if field.name not in ignored and mine != its:
                return f"{field.name} {mine}, not {its}"
        for name in ("num_steps", "sampler", "image"):
            if getattr(self, name) != getattr(other, name):
                return f"{name} {getattr(self, name)}, not {getattr(other, name)}"
        if self.fingerprint != other.fingerprint:
            return "another model or filter"
        return None
