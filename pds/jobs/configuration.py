"""Configurations: groups of values that describe a network and how to sample from it.

Our files return dicts. Files of score_sde and of the published PDS code, written with
ml_collections, are read as they are, with the defaults module that they import; see
`pds.jobs.config_files`. Values that sampling does not use are ignored; a missing value that it
needs is an error.

Source: the keys are those of Y. Song's score_sde.
"""

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from pds.files.shipped import ROOT
from pds.jobs import config_files
from pds.jobs.config_keys import missing
from pds.jobs.overrides import overridden
from pds.kernels import (
    Ancestral,
    AnnealedLangevin,
    EulerMaruyama,
    Kernel,
    Langevin,
    MarginalPreserving,
    ReverseDiffusion,
)
from pds.limits import quoted, require_whole
from pds.models import Corrector
from pds.scores.ncsnpp import ModelCard, NCSNppConfig
from pds.scores.ncsnpp.fields import typed
from pds.scores.ncsnpp.score import PROCESSES
from pds.sde import VESDE, VPSDE, SubVPSDE

PREDICTORS: dict[str, Kernel | None] = {
    "reverse_diffusion": ReverseDiffusion(),
    "marginal_preserving": MarginalPreserving(),
    "euler_maruyama": EulerMaruyama(),
    "ancestral_sampling": Ancestral(),
    "none": None,
}
CORRECTORS: dict[str, Callable[[float], Corrector] | None] = {
    "langevin": lambda snr: Langevin(snr, snr_norm="sample"),
    "ald": AnnealedLangevin,
    "none": None,
}

TRAINING_ONLY = ("dropout", "init_scale", "fourier_scale")
"""Architecture values that a checkpoint overrides, or that sampling does not use."""

NEEDED_IF = {
    "fir_kernel": ("fir", "true"),
    "resamp_with_conv": ("resblock_type", "ddpm"),
    "progressive_combine": ("progressive_input", "input_skip"),
}
"""Architecture values that matter only if another value is the one given here, as text."""

SUPPORTED = {
    "model.name": "ncsnpp",
    "model.normalization": "GroupNorm",
    "model.nonlinearity": "swish",
}
"""Keys with a single supported value; a file may omit them."""

SAMPLER = {
    "sampling.method": ("pc", "images are sampled by predictor and corrector"),
    "sampling.probability_flow": (False, "the predictor adds its noise"),
    "sampling.noise_removal": (True, "images are returned without the last noise"),
}
"""Settings with one supported value, and what is done in place of any other."""

_NETWORK = get_type_hints(NCSNppConfig)
_GROUPS = dict.fromkeys(("image_size", "num_channels", "centered"), "data")
DOTTED = {
    **{name: f"{_GROUPS.get(name, 'model')}.{name}" for name in _NETWORK},
    **{name: f"model.{name}" for name in ("num_scales", "scaling", "data_std")},
    "conditioning": "training.continuous",
    "snr": "sampling.snr",
}
"""Maps fields of architecture and card to the keys of a file."""

TYPES: dict[str, Any] = {
    **{DOTTED[name]: hint for name, hint in _NETWORK.items()},
    **dict.fromkeys(("model.sigma_min", "model.sigma_max"), float),
    **dict.fromkeys(("model.beta_min", "model.beta_max"), float),
    **{DOTTED[name]: get_type_hints(ModelCard)[name] for name in ("scaling", "data_std", "snr")},
    **dict.fromkeys((*SUPPORTED, "model.shipped_checkpoint"), str),
    **dict.fromkeys(("training.sde", "sampling.method"), str),
    **dict.fromkeys(("sampling.predictor", "sampling.corrector"), str),
    **dict.fromkeys(("training.continuous", "sampling.probability_flow"), bool),
    **dict.fromkeys(("model.num_scales", "sampling.n_steps_each"), int),
    **dict.fromkeys(("eval.batch_size", "eval.num_samples"), int),
    "sampling.noise_removal": bool,
}
"""The keys that are read, with the types of their values."""


@dataclass(frozen=True)
class Configuration:
    """What a configuration file says about sampling.

    name: of the file, without its ending.
    card: network, process, num_scales and snr.
    predictor, corrector: keys of `PREDICTORS` and `CORRECTORS`.
    num_corrector_steps: per iteration.
    batch_size, num_samples: defaults of the flags of these names.
    checkpoint: weights that come with this project, or None.
    """

    name: str
    card: ModelCard
    predictor: str
    corrector: str
    num_corrector_steps: int = 1
    batch_size: int = 8
    num_samples: int = 8
    checkpoint: Path | None = None


def read_configuration(
    path: Path,
    overrides: Mapping[str, str] | None = None,
    *,
    sampler: Mapping[str, Any] | None = None,
) -> Configuration:
    """Read a configuration file and return the values that sampling needs.

    A setting that is not followed is a UserWarning.

    Args:
        path: a Python file, which is run, or JSON or YAML; see `pds.jobs.config_files`.
        overrides: texts that replace values, by dotted name: {"sampling.snr": "0.1"}.
        sampler: predictor, corrector and snr that a run uses instead of the file's, None for the
            file's; the file may lack what is then not used.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it cannot be run, lacks a value, or has an unsupported one.
    """
    path, argument = config_files.split_argument(path)
    try:
        config = config_files.contents(path, argument)
        values = _Values(overridden(config, overrides or {}, TYPES))
        used = {k: v for k, v in (sampler or {}).items() if v is not None}
        for name, value in used.items():
            values.setdefault(f"sampling.{name}", value)
        used.setdefault("corrector", values.name("sampling.corrector"))
        configuration = _configuration(path.stem, values, corrected=used["corrector"] != "none")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from None
    notes = _notes(values, overrides or {})
    if notes:
        warnings.warn(f"{path}: {'; '.join(notes)}", stacklevel=2)
    return configuration


def kernels(
    predictor: str | None, corrector: str | None, snr: float | None
) -> tuple[Kernel | None, Corrector | None]:
    """Return the kernels of these names; the step of a corrector depends on each image alone.

    Raises:
        ValueError: for a name that does not exist.
    """
    predictor, corrector = predictor or "none", corrector or "none"
    if predictor not in PREDICTORS:
        raise ValueError(f"predictor must be one of {', '.join(PREDICTORS)}, got {predictor!r}")
    if corrector not in CORRECTORS:
        raise ValueError(f"corrector must be one of {', '.join(CORRECTORS)}, got {corrector!r}")
    build = CORRECTORS[corrector]
    if build is None:
        return PREDICTORS[predictor], None
    if snr is None:
        raise ValueError(f"the corrector {corrector} needs an snr")
    return PREDICTORS[predictor], build(snr)


class _Values(dict[str, Any]):
    """The values of a file by dotted name; `value` checks their types."""

    def untyped(self, key: str, *default: Any) -> Any:
        """Return the value of a key, or a default for one that is missing or None.

        Raises:
            ValueError: if it is missing, and there is no default.
        """
        value = self.get(key)
        if value is None and default:
            return default[0]
        if key not in self:
            raise ValueError(missing(key, self, TYPES))
        return value

    def value(self, key: str, *default: Any) -> Any:
        """Return the same, but for a value of another type, which is a ValueError."""
        value = self.untyped(key, *default)
        return value if default and value is default[0] else typed(key, value, TYPES[key])

    def name(self, key: str, *default: str) -> str:
        """Return a text in lower case; None stands for "none"."""
        if key in self and self[key] is None:
            return "none"
        return str(self.value(key, *default)).lower()


def _configuration(name: str, values: _Values, *, corrected: bool) -> Configuration:
    for key, supported in SUPPORTED.items():
        value = values.name(key, supported)
        if value != supported.lower():
            raise ValueError(
                f"{key} {quoted(values[key])} cannot be sampled here, only {supported!r}; "
                "docs/configurations.md lists the published files"
            )
    predictor, corrector = (values.name(f"sampling.{k}") for k in ("predictor", "corrector"))
    try:
        kernels(predictor, corrector, 0.1)
    except ValueError as error:
        raise ValueError(f"sampling.{error}") from None
    steps = () if corrected else (1,)
    counts = {
        "num_corrector_steps": ("sampling.n_steps_each", *steps),
        "batch_size": ("eval.batch_size", 8),
        "num_samples": ("eval.num_samples", 8),
    }
    shipped = values.value("model.shipped_checkpoint", None)
    return Configuration(
        name=name,
        card=_card(values, corrected=corrected),
        predictor=predictor,
        corrector=corrector,
        checkpoint=ROOT / shipped if shipped else None,
        **{field: require_whole(key[0], values.value(*key), 1) for field, key in counts.items()},
    )


def _card(values: _Values, *, corrected: bool) -> ModelCard:
    continuous = values.value("training.continuous", True)
    sde = _process(values)
    try:
        return ModelCard(
            network=_network(values),
            sde=sde,
            num_scales=values.value("model.num_scales"),
            snr=_snr(values, corrected=corrected),
            scaling=values.value("model.scaling", "published"),
            data_std=values.value("model.data_std", 0.5),
            conditioning="continuous" if continuous or isinstance(sde, SubVPSDE) else "discrete",
        )
    except ValueError as error:
        # Messages of architecture and card begin with the name of the field.
        message = re.sub(r"^\w+(?=[ :])", lambda name: DOTTED.get(name[0], name[0]), str(error))
        raise ValueError(message) from None


def _process(values: _Values) -> VESDE | VPSDE | SubVPSDE:
    process = values.name("training.sde")
    if process not in PROCESSES:
        raise ValueError(f"training.sde must be one of {', '.join(PROCESSES)}, got {process!r}")
    names = ("sigma_min", "sigma_max") if process == "vesde" else ("beta_min", "beta_max")
    keys = [f"model.{name}" for name in names]
    rates = [float(values.value(key)) for key in keys]
    try:
        return PROCESSES[process](*rates)
    except ValueError as error:
        raise ValueError(f"{' and '.join(keys)}: {error}") from None


def _snr(values: _Values, *, corrected: bool) -> float:
    """Return the snr; without a corrector it is not used, and may be missing."""
    default = next(field.default for field in fields(ModelCard) if field.name == "snr")
    return float(values.value("sampling.snr", *(() if corrected else (default,))))


def _network(values: _Values) -> NCSNppConfig:
    """Return the architecture, which checks its values itself."""
    given: dict[str, Any] = {}
    architecture = {field.name: field for field in fields(NCSNppConfig)}
    for name in sorted(architecture, key=lambda name: name in NEEDED_IF):
        unused = name in TRAINING_ONLY
        if name in NEEDED_IF:
            other, needed = NEEDED_IF[name]
            unused = str(given[other]).lower() != needed
        given[name] = values.untyped(DOTTED[name], *([architecture[name].default] * unused))
    return NCSNppConfig(**given)


def _notes(values: _Values, overrides: Mapping[str, str]) -> list[str]:
    """Return sentences about settings that are not followed."""
    notes = []
    for key, (followed, instead) in SAMPLER.items():
        if values.value(key, followed) != followed:
            notes.append(f"{key} {values[key]!r} is not followed, {instead}")
    if values.name("training.sde") == "subvpsde" and not values.value("training.continuous", True):
        notes.append("training.continuous False is not followed, a sub-VP network is continuous")
    unused = [key for key in overrides if key not in TYPES]
    if unused:
        notes.append(f"{', '.join(unused)} has no effect on sampling")
    return notes


OF_CARD = "4 images, 4 at a time, reverse_diffusion and one step of langevin with its snr"
"""What `of_card` says beside the card."""


def of_card(card: ModelCard, name: str) -> Configuration:
    """Return the configuration of a checkpoint that describes itself: the published sampler.

    Args:
        card: of the checkpoint; its snr is the corrector's.
        name: of the checkpoint.
    """
    return Configuration(
        name=name,
        card=card,
        predictor="reverse_diffusion",
        corrector="langevin",
        num_corrector_steps=1,
        batch_size=4,
        num_samples=4,
    )
