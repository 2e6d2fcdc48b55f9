"""The checkpoint of a job: the search for it, and a check against the configuration."""

import dataclasses
import warnings
from pathlib import Path
from typing import get_args

import torch

from pds.jobs.configuration import TRAINING_ONLY
from pds.scores import checkpoints, hub
from pds.scores.checkpoints import Opened
from pds.scores.file_kinds import CHECKPOINT_SUFFIXES
from pds.scores.hub import HubName
from pds.scores.layouts import WeightsName
from pds.scores.ncsnpp import ModelCard, NetworkScore
from pds.sde import VESDE

NAMES = ("checkpoint.pth", "checkpoint.pt", "last.ckpt")
"""Names of the checkpoint to use where a folder has several, in order of preference."""


def find_checkpoint(
    workdir: str | Path, checkpoint: str | None, shipped: Path | None = None
) -> str | Path:
    """Return the file, diffusers folder or hub name to sample from.

    The first of: `checkpoint`; one of `NAMES` in workdir/checkpoints; the only .pth, .pt, .ckpt,
    .bin or .safetensors file in that folder; `shipped`, the configuration's.

    Raises:
        FileNotFoundError: if there is none; the message lists the places searched.
        ValueError: if there are several and none has one of `NAMES`.
    """
    if checkpoint is not None:
        return checkpoint
    folder = Path(workdir) / "checkpoints"
    names = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
    candidates = [
        name
        for name in names
        if Path(name).suffix.lower() in CHECKPOINT_SUFFIXES and not name.startswith(".")
    ]
    preferred = [name for name in NAMES if name in candidates]
    if preferred or len(candidates) == 1:
        return folder / [*preferred, *candidates][0]
    if candidates:
        raise ValueError(
            f"{folder} holds {len(candidates)} checkpoints ({_listing(candidates)}) and none is "
            f"named {' or '.join(NAMES)}; choose one with --checkpoint"
        )
    if shipped is not None:
        return shipped
    content = f"found {_listing(names)}" if names else "found nothing in it"
    raise FileNotFoundError(
        f"no checkpoint: looked for {folder / NAMES[0]} or one other file of a checkpoint there, "
        f"such as .ckpt or .safetensors, "
        f"{content if folder.is_dir() else 'but there is no such folder'}; put it there or pass "
        "--checkpoint"
    )


def _listing(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def read_checkpoint(
    source: str | Path, card: ModelCard | None = None, *, weights: WeightsName = "ema"
) -> NetworkScore:
    """Read a checkpoint file, a diffusers folder or a hub name; see `opened`."""
    return opened(source, card, weights=weights).score


def opened(
    source: str | Path, card: ModelCard | None = None, *, weights: WeightsName = "ema"
) -> Opened:
    """Read a checkpoint file, a diffusers folder or a hub name.

    Args:
        source: the file, folder or name; a name may end in @ and a branch, tag or commit. A local
            path takes precedence over a name.
        card: of the network, which most files of others need.
        weights: the averaged or the last ones, of a checkpoint that has both.

    Warns:
        UserWarning: for what the checkpoint leaves open, such as averages that it does not have.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is damaged, or its network cannot be sampled here.
        OSError: if the hub has no such name or cannot be reached.
    """
    if weights not in get_args(WeightsName):
        raise ValueError(f"weights must be one of ema, raw, got {weights!r}")
    path = Path(source)
    if path.is_dir():
        return hub.read(path, weights=weights)
    is_name = (
        HubName.parse(str(source)) is not None and path.suffix.lower() not in CHECKPOINT_SUFFIXES
    )
    if is_name and not path.is_symlink() and not path.exists():
        return hub.read(str(source), weights=weights)
    return checkpoints.read(path, card, weights=weights)


def open_checkpoint(
    source: str | Path, card: ModelCard, *, weights: WeightsName = "ema"
) -> NetworkScore:
    """Read a checkpoint that must be of the card's network and process.

    A diffusers folder has sigma_max of its own, which is used, with a warning where the card has
    another one.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is damaged, or of another network or process.
    """
    score = read_checkpoint(source, card, weights=weights)
    require_fit(score, card, source)
    return score


def require_fit(score: NetworkScore, card: ModelCard, source: str | Path) -> None:
    """Raise for a network of another card.

    Warns:
        UserWarning: if a diffusers folder has another sigma_max, which is used.

    Raises:
        ValueError: if the network or the process is another one.
    """
    _require_process(score, card, source)
    if _architecture(score.card) != _architecture(card):
        raise ValueError(
            f"{source} is another network than the configuration's: {_differences(score, card)}; "
            "use the configuration that belongs to it"
        )


def _require_process(score: NetworkScore, card: ModelCard, source: str | Path) -> None:
    """Raise for another process; a diffusers folder may have another sigma_max than the card."""
    mine, its = card.sde, score.sde
    if its == mine:
        return
    from_hub = not Path(source).is_file()
    if (
        from_hub
        and isinstance(mine, VESDE)
        and isinstance(its, VESDE)
        and its.sigma_min == mine.sigma_min
    ):
        warnings.warn(
            f"{source} says sigma_max {its.sigma_max:g} in its scheduler and the configuration "
            f"{mine.sigma_max:g}; {its.sigma_max:g} is used",
            UserWarning,
            stacklevel=2,
        )
        return
    raise ValueError(
        f"{source} was trained on {its}, but the configuration says {mine}; use the "
        "configuration that belongs to it"
    )


def _architecture(card: ModelCard) -> dict[str, object]:
    values = dataclasses.asdict(card.network)
    return {name: value for name, value in values.items() if name not in TRAINING_ONLY}


def _differences(score: NetworkScore, card: ModelCard) -> str:
    """List the first tensors that differ, or else the first settings."""
    with torch.device("meta"):
        expected = NetworkScore(card).network.state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in expected.items()}
    state = score.network.state_dict()
    actual = {name: tuple(tensor.shape) for name, tensor in state.items()}
    differing = [
        f"{name} is {actual.get(name, 'missing')}, expected {shapes.get(name, 'nothing')}"
        for name in [*shapes, *(n for n in actual if n not in shapes)]
        if actual.get(name) != shapes.get(name)
    ]
    if not differing:
        mine, its = _architecture(card), _architecture(score.card)
        differing = [f"{n} is {its[n]}, expected {mine[n]}" for n in mine if its[n] != mine[n]]
    more = f" and {len(differing) - 3} more" if len(differing) > 3 else ""
    return "; ".join(differing[:3]) + more
