"""Configuration files: Python files with a `get_config()` that returns groups of values.

Ours return dicts. Files of score_sde and of the published PDS code, written with ml_collections,
are read as they are, with the defaults module that they import. Values that sampling does not use
are ignored; a missing value that it needs is an error.

Source: the keys are those of Y. Song's score_sde.
"""

import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from pds.files.shipped import ROOT
from pds.kernels import (
    Ancestral,
    AnnealedLangevin,
    EulerMaruyama,
    Kernel,
    Langevin,
    MarginalPreserving,
    ReverseDiffusion,
)
from pds.models import Corrector
from pds.scores.ncsnpp import ModelCard, NCSNppConfig
from pds.scores.ncsnpp.score import PROCESSES

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

EXPECTED = {
    "model.name": "ncsnpp",
    "model.normalization": "GroupNorm",
    "model.nonlinearity": "swish",
    "model.conv_size": 3,
    "training.continuous": True,
    "sampling.method": "pc",
    "sampling.probability_flow": False,
    "sampling.noise_removal": True,
}
"""Keys with a single supported value; a file may omit them."""


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
    num_corrector_steps: int
    batch_size: int
    num_samples: int
    checkpoint: Path | None = None


def read(path: Path, overrides: Mapping[str, str] | None = None) -> Configuration:
    """Run a configuration file and return the values that sampling needs.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it cannot be run, lacks a value, or has an unsupported one.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"no configuration at {path}; expected a Python file with get_config(), such as "
            "configs/ve/portraits32_ncsnpp.py"
        )
    try:
        values = _Values(_flat(_get_config(path)))
        for key, text in (overrides or {}).items():
            values[key] = type(values[key])(text)
        return _configuration(path.stem, values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None


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
    """The values of a file by dotted name; a missing one raises a ValueError with its name."""

    def __missing__(self, name: str) -> Any:
        raise ValueError(f"{name} is missing")


def _configuration(name: str, values: _Values) -> Configuration:
    for key, expected in EXPECTED.items():
        if values.get(key, expected) != expected:
            raise ValueError(f"{key} {values[key]!r} cannot be sampled here, only {expected!r}")
    predictor, corrector = (
        str(values[f"sampling.{kind}"] or "none") for kind in ("predictor", "corrector")
    )
    kernels(predictor, corrector, 0.1)
    shipped = values.get("model.shipped_checkpoint")
    return Configuration(
        name=name,
        card=_card(values),
        predictor=predictor,
        corrector=corrector,
        num_corrector_steps=int(values["sampling.n_steps_each"]),
        batch_size=int(values["eval.batch_size"]),
        num_samples=int(values["eval.num_samples"]),
        checkpoint=ROOT / shipped if shipped else None,
    )


def _card(values: _Values) -> ModelCard:
    process = str(values["training.sde"]).lower()
    if process not in PROCESSES:
        raise ValueError(f"training.sde must be one of {', '.join(PROCESSES)}, got {process!r}")
    rates = ("sigma_min", "sigma_max") if process == "vesde" else ("beta_min", "beta_max")
    return ModelCard(
        network=_network(values),
        sde=PROCESSES[process](*(float(values[f"model.{rate}"]) for rate in rates)),
        num_scales=int(values["model.num_scales"]),
        snr=float(values["sampling.snr"]),
        scaling=values.get("model.scaling", "published"),
        data_std=float(values.get("model.data_std", 0.5)),
    )


def _network(values: _Values) -> NCSNppConfig:
    architecture = {}
    for field in fields(NCSNppConfig):
        group = "data" if field.name in ("image_size", "num_channels", "centered") else "model"
        key = f"{group}.{field.name}"
        if field.name in TRAINING_ONLY and field.default is not MISSING:
            architecture[field.name] = values.get(key, field.default)
        else:
            value = values[key]
            architecture[field.name] = value.lower() if isinstance(value, str) else value
    return NCSNppConfig(**architecture)


def _get_config(path: Path) -> Any:
    """Run the file, which is trusted as code, and call its get_config()."""
    spec = importlib.util.spec_from_file_location(f"_configuration_{path.stem}", path.resolve())
    if spec is None or spec.loader is None:
        raise ValueError("not a Python file")
    module = importlib.util.module_from_spec(spec)
    with _imports_of(path.resolve()):
        try:
            spec.loader.exec_module(module)
            return module.get_config()
        # The file may raise anything; the error becomes one sentence.
        except (Exception, SystemExit) as error:
            reason = (str(error).splitlines() or [""])[0]
            raise ValueError(f"cannot be run ({type(error).__name__}: {reason})") from None


@contextmanager
def _imports_of(path: Path) -> Iterator[None]:
    """Let a file import its own `configs` package, or else ours; then restore all modules."""
    own = [folder.parent for folder in path.parents if folder.name == "configs"]
    kept_path, kept_bytecode = sys.path[:], sys.dont_write_bytecode
    kept = _take_configs()
    sys.path[:0] = [str(folder) for folder in (*own, path.parent)]
    sys.path.append(str(ROOT))
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:], sys.dont_write_bytecode = kept_path, kept_bytecode
        _take_configs()
        sys.modules.update(kept)


def _take_configs() -> dict[str, Any]:
    """Remove the `configs` package from the loaded modules and return those removed."""
    names = [name for name in sys.modules if name == "configs" or name.startswith("configs.")]
    return {name: sys.modules.pop(name) for name in names}


def _flat(config: Any) -> dict[str, Any]:
    """Return {"model.nf": 128, ...} of a ConfigDict or of plain dicts."""
    if not isinstance(config, Mapping) and not hasattr(config, "items"):
        raise ValueError(f"get_config() returned a {type(config).__name__}, not a configuration")
    flat = {}
    for group, values in config.items():
        if hasattr(values, "items"):
            flat.update({f"{group}.{name}": value for name, value in values.items()})
    return flat


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
