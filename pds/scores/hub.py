"""NCSN++ models in the format of the diffusers library, from a folder or the hub.

A folder holds `config.json` (or `unet/config.json`), the weights beside it, and the process in
`scheduler/scheduler_config.json` (or `scheduler_config.json`). The weights are one file or several
with an index, .safetensors or .bin, in full or half precision; `pds.scores.skip_unet` has their
names. A hub name may end in a branch, tag or commit, `google/ncsnpp-church-256@main`.

Source: names such as google/ncsnpp-church-256 are conversions of Y. Song's checkpoints.
"""

import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from pds.scores.checkpoints import Opened, fill, read_safetensors
from pds.scores.file_kinds import CHECKPOINT_SUFFIXES, kind_of
from pds.scores.layouts import Weights, WeightsName
from pds.scores.ncsnpp import ModelCard, NetworkScore
from pds.scores.skip_unet import architecture, renamed
from pds.scores.unpickling import unpickle
from pds.sde import VESDE

STEM = "diffusion_pytorch_model"
WEIGHTS = (f"{STEM}.safetensors", f"{STEM}.bin")
SETTINGS = ("model_index.json", "config.json", "scheduler_config.json")

NETWORKS = ("UNet2DModel", "UNetUnconditionalModel", "NCSNpp")
"""Classes in model_index.json that name the network's folder."""

SCHEDULERS = (
    None,
    "ScoreSdeVeScheduler",
    "VeSdeScheduler",
    "SdeVeScheduler",
    "PreconditionedScoreSdeVeScheduler",
)
"""Classes of the VE process, the last of `pds.integrations`; None where a file leaves it out."""

SCHEDULER_DEFAULTS = {"sigma_min": 0.01, "num_train_timesteps": 2000, "snr": 0.15}
"""Values of a ScoreSdeVeScheduler for keys that files of early versions leave out."""


class HubName(NamedTuple):
    """A model on the hub, and a branch, tag or commit of it."""

    name: str
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> "HubName | None":
        """Read `owner/name` or `owner/name@revision`; None for anything else."""
        match = re.fullmatch(r"(\w[\w.-]*/\w[\w.-]*)(?:@(\w[\w./+-]*))?", text)
        return cls(match[1], match[2]) if match else None

    def download(self, *patterns: str) -> Path:
        """Download the files of these patterns that are not cached, and return their folder.

        Raises:
            OSError: if there is no such model or revision, or the hub cannot be reached.
        """
        try:
            return Path(
                snapshot_download(self.name, revision=self.revision, allow_patterns=[*patterns])
            )
        except (OSError, ValueError) as error:
            raise OSError(
                f"{self} is no folder here and cannot be downloaded from the hub "
                f"({self._reason(error)}); download it where there is a network and give its "
                "folder"
            ) from None

    def __str__(self) -> str:
        return f"{self.name}@{self.revision}" if self.revision else self.name

    def _reason(self, error: Exception) -> str:
        reasons = {
            RevisionNotFoundError: f"it has no branch, tag or commit {self.revision}",
            GatedRepoError: "its owner lets in only who accepted its terms there",
            RepositoryNotFoundError: "there is none of that name, or it is private",
            LocalEntryNotFoundError: "the hub cannot be reached, and it is not in the cache",
            HFValidationError: "this is not a name of the hub",
        }
        known = [text for kind, text in reasons.items() if isinstance(error, kind)]
        return known[0] if known else (str(error).splitlines() or [type(error).__name__])[0]


def load(source: str | Path, *, weights: WeightsName = "ema") -> NetworkScore:
    """Read a model from a folder or the hub, ready to sample on the CPU; see `read`."""
    return read(source, weights=weights).score


def read(source: str | Path, *, weights: WeightsName = "ema") -> Opened:
    """Read a model from a folder, or download it from the hub, ready to sample on the CPU.

    Args:
        source: a folder, or a name such as google/ncsnpp-church-256 or google/...@main.
        weights: the averaged or the last ones, of a folder of training that has both.

    Warns:
        UserWarning: if a value that the folder leaves out is set to its default.

    Raises:
        FileNotFoundError: if a file of the folder is missing.
        OSError: if the hub cannot be reached or has no such name.
        ValueError: if a file is damaged, or the network is not an NCSN++ of the skip flavor.
    """
    name = None if Path(source).is_dir() else HubName.parse(str(source))
    if name is None and not Path(source).is_dir():
        raise FileNotFoundError(f"no folder at {source}, and it is not a name of the hub either")
    if name is None:
        folder = Path(source)
    else:
        folder = name.download(*SETTINGS, *(f"*/{file}" for file in SETTINGS))
    home = _home(folder, weights)
    card = _card(folder, home)
    if name is not None:
        # The folder of a snapshot has the name of its commit.
        _download_weights(HubName(name.name, folder.name), home.relative_to(folder))
    # On the meta device, no weights are allocated or initialized before the files are checked.
    with torch.device("meta"):
        score = NetworkScore(card)
    files = _weight_files(home)
    fill(score, renamed(score, _read(files)), home)
    names = files[0].name if len(files) == 1 else f"{len(files)} files"
    commit = f" of commit {folder.name}" if name is not None else ""
    inside = "" if home == folder else f"{home.name}/"
    return Opened(score, f"{inside}{names}{commit}")


def _index(folder: Path) -> dict[str, Any]:
    """Return the parts of a pipeline, which a network alone does not list."""
    path = folder / "model_index.json"
    return _json(path) if path.is_file() else {}


def _pipeline(folder: Path) -> str:
    return str(_index(folder).get("_class_name", "model"))


def _scheduler(folder: Path) -> Path:
    # The folder may be that of the network within a pipeline.
    for inside in (folder / "scheduler", folder, folder.parent / "scheduler"):
        if (inside / "scheduler_config.json").is_file():
            return inside / "scheduler_config.json"
    return folder / "scheduler_config.json"


def _home(folder: Path, weights: WeightsName) -> Path:
    """Return the folder of the network within that of the model."""
    index = _index(folder)
    named = [k for k, v in index.items() if isinstance(v, list) and v and v[-1] in NETWORKS]
    averaged = ["unet_ema"] if weights == "ema" else []
    for name in (*averaged, *named, "unet"):
        if (folder / name).is_dir():
            return folder / name
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(_no_model(folder, index))
    return folder


def _no_model(folder: Path, index: Mapping[str, Any]) -> str:
    """Return a sentence about a folder that holds no network."""
    if index:
        return (
            f"no unet/config.json in {folder}, a {_pipeline(folder)}; expected the "
            "UNet2DModel of a ScoreSdeVePipeline there"
        )
    names, at = sorted(path.name for path in folder.iterdir()), folder / "config.json"
    if "data.pkl" in names:
        return (
            f"no config.json at {at}, which is the unpacked content of a checkpoint, as some "
            "browsers leave it; download it again without unpacking"
        )
    files = [
        *(name for name in names if Path(name).suffix in CHECKPOINT_SUFFIXES),
        *(f"checkpoints/{path.name}" for path in sorted(folder.glob("checkpoints/*.pth"))),
    ]
    if files:
        return f"no config.json at {at}; name a file in it, such as {folder / files[0]}"
    return (
        f"no config.json at {at}; expected a folder that diffusers saved, with network and "
        "scheduler"
    )


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(
            f"no {path.name} at {path}; expected a folder that diffusers saved, with network and "
            "scheduler"
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not readable JSON ({error}); download it again") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds a {type(values).__name__}; expected names and values")
    return values


def _card(folder: Path, home: Path) -> ModelCard:
    scheduler = _json(_scheduler(folder))
    config = _json(home / "config.json")
    kind = scheduler.get("_class_name")
    if kind not in SCHEDULERS:
        raise ValueError(
            f"{folder} is a {_pipeline(folder)} with a {kind}; only an NCSN++ with a "
            "ScoreSdeVeScheduler is sampled here"
        )
    values = SCHEDULER_DEFAULTS | scheduler
    try:
        card = ModelCard(
            network=architecture(config),
            sde=VESDE(float(values["sigma_min"]), float(values["sigma_max"])),
            num_scales=int(values["num_train_timesteps"]),
            snr=float(values["snr"]),
        )
    except KeyError as error:
        raise ValueError(
            f"{home}: {error.args[0]} is missing from its configuration; add it"
        ) from None
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{home}: {error}; other networks are sampled in Python, see pds.integrations"
        ) from None
    _note_scheduler(folder, scheduler, config)
    return card


def _note_scheduler(folder: Path, scheduler: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Warn of values that the scheduler lacks, or that differ from the network's file."""
    taken = [f"{k} {v}" for k, v in SCHEDULER_DEFAULTS.items() if k not in scheduler]
    if taken:
        _note(f"{folder} does not say its {', '.join(taken)}: these are the defaults of diffusers")
    for key in ("sigma_min", "sigma_max"):
        if key in scheduler and config.get(key, scheduler[key]) != scheduler[key]:
            _note(
                f"{folder} says {key} {config[key]} beside the network and {scheduler[key]} in its "
                f"scheduler; {scheduler[key]} is used"
            )


def _note(sentence: str) -> None:
    warnings.warn(sentence, UserWarning, stacklevel=2)


def _download_weights(name: HubName, home: Path) -> None:
    """Download the weights in the first form that exists."""
    prefix = "" if home == Path() else f"{home}/"
    for form in ("safetensors", "bin"):
        for stem in (STEM, f"{STEM}.*"):
            patterns = (f"{stem}.{form}", f"{stem}-*-of-*.{form}", f"{STEM}.{form}.index*.json")
            folder = name.download(*(prefix + pattern for pattern in patterns))
            if _candidates(folder / home):
                return


def _candidates(home: Path) -> list[Path]:
    """Return weight files, or their indices, best first."""
    variants = [
        path
        for form in ("safetensors", "bin")
        for path in (*home.glob(f"{STEM}.*.{form}"), *home.glob(f"{STEM}.{form}.index.*.json"))
        if not re.search(r"-\d+-of-\d+", path.name)
    ]
    plain = (home / f"{name}{end}" for name in WEIGHTS for end in ("", ".index.json"))
    return [path for path in (*plain, *sorted(variants)) if path.is_file()]


def _weight_files(home: Path) -> list[Path]:
    """Return the files of one set of weights.

    Raises:
        FileNotFoundError: if there are none, or not all of those in an index.
        ValueError: if the index is damaged.
    """
    candidates = _candidates(home)
    if not candidates:
        others = sorted(p.name for p in home.iterdir() if p.suffix != ".json" and p.is_file())
        found = f", found {', '.join(others[:3])}" if others else ""
        raise FileNotFoundError(f"no weights in {home}; expected {' or '.join(WEIGHTS)}{found}")
    first = candidates[0]
    if first.suffix != ".json":
        return [first]
    names = _json(first).get("weight_map")
    if not isinstance(names, dict) or not all(isinstance(n, str) for n in names.values()):
        raise ValueError(f"{first} has no weight_map of names and files; download it again")
    files = [home / Path(name).name for name in sorted(set(names.values()))]
    absent = [file.name for file in files if not file.is_file()]
    if absent:
        raise FileNotFoundError(
            f"no {absent[0]} in {home}, one of {len(files)} files of its weights; download it too"
        )
    return files


def _read(files: list[Path]) -> Weights:
    state: Weights = {}
    for path in files:
        is_safe = kind_of(path) == "safetensors"
        state.update(read_safetensors(path)[0] if is_safe else unpickle(path))
    return state
