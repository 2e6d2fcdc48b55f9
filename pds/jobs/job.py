"""A job: a request to a network in files, the settings of the run, and its output folder.

A job comes from the flags of `main.py`, which have the names of the published code; the pictures
carry the same flags, see `pds.jobs.record`.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from pds.arms.names import Arm
from pds.filters import NATURAL
from pds.jobs import iterations
from pds.jobs.checkpoint import find_checkpoint, read_checkpoint
from pds.jobs.configuration import Configuration, of_card, read_configuration
from pds.limits import require_snr, require_whole
from pds.models import default_device
from pds.request import Request
from pds.scores.ncsnpp import NetworkScore

Dtype = Literal["float32", "bfloat16", "float16"]
DTYPES: tuple[Dtype, ...] = ("float32", "bfloat16", "float16")
Weights = Literal["ema", "raw"]
WEIGHTS: tuple[Weights, ...] = ("ema", "raw")

MOST_IMAGES = 1_000_000
"""Images of a job; each is a file in one folder."""

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
        request: its model is the path of a configuration file, or of a checkpoint that describes
            itself; its masks are paths, and that of frequency may be `filters.NATURAL`; they are
            True or False only where neither sampler needs them.
        configuration: the content of that file, or `configuration.of_card`.
        score: the network of a checkpoint that describes itself, which is read once; None where
            there is a configuration file.
        overrides: other values of the configuration file by their dotted keys, as text.
        workdir: folder of `checkpoints` and of the output.
        eval_folder: folder of the images, within workdir.
        checkpoint: a .pth or .safetensors file, a diffusers folder or a hub name, instead of the
            one that `pds.jobs.checkpoint` finds.
        weights: of a checkpoint that has both, the averaged ones or the last.
        speed_up: N = int(num_scales / speed_up), > 0; eps uses it unrounded.
        ladder: numbers of iterations to compare at, instead of a speed_up.
        predictor, corrector: names as in configurations.
        snr: of the corrector, > 0.
        skew: strength of the skew-symmetric S.
        response: file of `pds response` that the sampler `response` is tuned by; None for the
            record of a shipped checkpoint.
        dtype: of the network; all other computation is in float32.
        batch_size: images in one network call, >= 1.
        device: cpu, cuda, cuda:N or mps.
        compare: draw two samplers from the same noise: those that the request names, or else
            vanilla beside the one that it describes.
        trajectory: keep the steps too, as an animation and as numbers.
        only: draw this image of the job and no other.

    Raises:
        ValueError: for values outside these ranges, or that exclude each other.
    """

    request: Request
    configuration: Configuration
    score: NetworkScore | None = field(default=None, compare=False, repr=False)
    overrides: Mapping[str, str] = field(default_factory=dict)
    workdir: str
    eval_folder: str = "eval"
    checkpoint: str | None = None
    weights: Weights = "ema"
    speed_up: float = 1.0
    ladder: tuple[int, ...] = ()
    predictor: str
    corrector: str
    snr: float
    skew: float = 0.0
    response: str | None = None
    dtype: Dtype = "float32"
    batch_size: int
    device: str
    compare: bool = False
    trajectory: bool = False
    only: int | None = None

    def __post_init__(self) -> None:
        self._require_arms()
        if self.request.space == NATURAL:
            raise ValueError(
                "space_mask_path must be the path of a mask, got natural: the power law of natural "
                "images is the same everywhere in an image, so that it has no space filter; "
                "leave space_mask_path out"
            )
        if not _within(self.folder, Path(self.workdir)):
            raise ValueError(
                f"eval_folder must lie within workdir, got {self.eval_folder}; choose the place "
                "with workdir, and name the checkpoint with checkpoint"
            )
        iterations.require_speed_up(self.speed_up)
        require_whole("num_samples", self.request.num_images, 1, MOST_IMAGES)
        if not math.isfinite(self.skew):
            raise ValueError(f"skew must be a finite number, got {self.skew:g}; 0 is none")
        require_snr(self.snr)
        require_whole("batch_size", self.batch_size, 1)
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, got {self.dtype!r}")
        if self.weights not in WEIGHTS:
            raise ValueError(f"weights must be one of {', '.join(WEIGHTS)}, got {self.weights!r}")
        if self.only is not None and not 0 <= self.only < self.request.num_images:
            raise ValueError(
                "only must be the number of one of the images, 0 to num_samples - 1, got "
                f"{self.only}"
            )
        self._require_ladder()
        self._require_two()
        self._require_tunable()
        if self.response is not None and all(arm.kind != "response" for arm in self._arms()):
            raise ValueError(
                f"response names {self.response}, and no sampler is tuned by it; add --compare "
                "vanilla response"
            )

    def _require_arms(self) -> None:
        for arm in self._arms():
            if arm.num_steps is not None:
                require_whole(f"the N of {arm.name}", arm.num_steps, 1, iterations.MOST)
            for mask in arm.masks:
                if not isinstance(getattr(self.request, mask), str):
                    flag = "freq_mask_path" if mask == "frequency" else "space_mask_path"
                    raise ValueError(
                        f"a configuration file comes with no filters, and {arm.name} needs the "
                        f"{mask} mask of the data; add {flag}"
                    )

    def _arms(self) -> list[Arm]:
        """Return all samplers, of a branch each of its parts."""
        return [part for arm in self.request.arms for part in arm.parts]

    def _require_ladder(self) -> None:
        if self.ladder and not 1 <= min(self.ladder) <= max(self.ladder) <= iterations.MOST:
            wrong = next(n for n in self.ladder if not 1 <= n <= iterations.MOST)
            raise ValueError(
                f"ladder must list numbers of iterations >= 1, got {wrong}; such as "
                "2000,200,133,100,66"
            )
        if self.ladder and self.speed_up != 1:
            raise ValueError("ladder sets the iterations itself; leave speed_up out")
        if self.ladder and self.trajectory:
            raise ValueError("ladder keeps no trajectory; ask for one of the two")

    def _require_two(self) -> None:
        """Refuse a comparison of a sampler with itself."""
        alike = any(replace(self.request, num_steps=n).alike for n in self.counts)
        if self.skew or not alike or not (self.compare or self.ladder):
            return
        if self.named:
            raise ValueError(
                f"compare must name two samplers that differ, got {' '.join(self.names)}; such as "
                "vanilla@100 pds:5@40"
            )
        raise ValueError(
            "a comparison needs something to compare with vanilla; add freq_mask_path, "
            "space_mask_path or skew, or name two samplers after compare"
        )

    def _require_tunable(self) -> None:
        if not self.request.tuned:
            return
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
        Without one, it reads the checkpoint, which must describe itself.

        Raises:
            FileNotFoundError: if there is no such configuration or checkpoint.
            ValueError: if it cannot be read, or a flag is out of range.
        """
        score, overrides = None, flags.get("overrides") or {}
        if flags["config"] is not None:
            model = flags["config"]
            sampler = {name: flags[name] for name in ("predictor", "corrector", "snr")}
            configuration = read_configuration(Path(model), overrides, sampler=sampler)
        else:
            model, score = _described(flags, overrides)
            configuration = of_card(score.card, Path(model).name)
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
        values |= {"config": model, "overrides": overrides, "compare": bool(flags["compare"])}
        request = Request(
            num_steps=iterations.num_steps(configuration.card, values["speed_up"]),
            **{field: values[flag] for flag, field in REQUEST_FLAGS.items()},
            **_names(flags),
        )
        settings = {name: values[name] for name in JOB_FLAGS}
        job = cls(request=request, configuration=configuration, score=score, **settings)
        iterations.remark(job.all_counts, configuration.card.num_scales)
        return job

    def to_flags(self) -> dict[str, Any]:
        """Return the flags that give this job, as values that JSON can hold."""
        request = {flag: getattr(self.request, field) for flag, field in REQUEST_FLAGS.items()}
        for name in ("freq_mask_path", "space_mask_path"):
            request[name] = request[name] if isinstance(request[name], str) else None
        if self.score is not None:
            request["config"] = None
        job = {name: getattr(self, name) for name in JOB_FLAGS}
        plain: dict[str, Any] = {"ladder": list(self.ladder), "overrides": dict(self.overrides)}
        if self.named:
            plain["compare"] = list(self.names)
        return {**request, **job, **plain}

    @property
    def preconditioned(self) -> bool:
        """Return whether the sampler differs from vanilla."""
        return self.request.filtered or bool(self.skew)

    @property
    def named(self) -> bool:
        """Return whether both samplers have names, instead of flags that describe one."""
        return self.request.sides == ("left", "right")

    @property
    def names(self) -> tuple[str, str]:
        """Return the names of a `named` job."""
        return self.request.left, self.request.right or "vanilla"

    @property
    def chains(self) -> tuple[str, ...]:
        """Return the names of the samplers that are drawn together, as folders have them."""
        if self.compare or self.ladder:
            return self.request.sides
        return ("pds",) if self.preconditioned else ("vanilla",)

    @property
    def labels(self) -> dict[str, str]:
        """Return what both samplers are called within a sentence, by the names of the chains."""
        if self.named:
            return dict(zip(self.request.sides, self.names, strict=True))
        # Without a filter S alone makes the difference.
        right = "PDS" if self.skew else self.request.labels[1]
        return {"vanilla": "vanilla", "pds": right}

    @property
    def counts(self) -> tuple[int, ...]:
        """Return the numbers of iterations that are drawn."""
        return self.ladder or (self.request.num_steps,)

    @property
    def all_counts(self) -> tuple[int, ...]:
        """Return `counts`, and the numbers of iterations that samplers have of their own."""
        own = (arm.num_steps for arm in self._arms())
        return *self.counts, *(n for n in own if n is not None)

    @property
    def folder(self) -> Path:
        """Return the folder of the images."""
        return Path(self.workdir) / self.eval_folder


JOB_FLAGS = tuple(
    f.name for f in fields(Job) if f.name not in ("request", "configuration", "score")
)
"""Flags that are fields of the `Job` itself."""


def _names(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return both samplers of a request by their names; {} if the other flags describe one."""
    if not isinstance(flags["compare"], list | tuple):
        return {}
    for name, absent in (("alpha", Request.alpha), ("tuned", False), ("skew", 0)):
        if flags[name] != absent:
            raise ValueError(
                f"compare names both samplers, and {name} describes the one beside vanilla; leave "
                f"{name} out (a name has its own alpha, such as pds:4)"
            )
    left, right = flags["compare"]
    return {"left": left, "right": right}


def _described(flags: Mapping[str, Any], overrides: Mapping[str, str]) -> tuple[str, NetworkScore]:
    """Read a checkpoint that describes itself; return its place and its network."""
    if overrides:
        key = next(iter(overrides))
        raise ValueError(
            f"--config.{key} changes a value of a configuration, and there is none; add --config"
        )
    try:
        source = find_checkpoint(flags["workdir"], flags["checkpoint"])
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{error}; or add --config with a shipped model, such as "
            "configs/ve/portraits32_ncsnpp.py"
        ) from None
    return str(source), read_checkpoint(source, weights=flags["weights"])


def _within(folder: Path, workdir: Path) -> bool:
    return Path(os.path.abspath(folder)).is_relative_to(os.path.abspath(workdir))
