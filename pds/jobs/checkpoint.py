"""The checkpoint of a job: the search for it, and a check against the configuration."""

import dataclasses
from pathlib import Path
from typing import Literal

import torch

from pds.jobs.configuration import TRAINING_ONLY
from pds.scores import checkpoints, hub
from pds.scores.ncsnpp import ModelCard, NetworkScore

SUFFIXES = (".pth", ".safetensors")
"""Of checkpoint files; anything else is a diffusers folder or a hub name."""


def find_checkpoint(
    workdir: str | Path, checkpoint: str | None, shipped: Path | None = None
) -> str | Path:
    """Return the file, diffusers folder or hub name to sample from.

    The first of: `checkpoint`; workdir/checkpoints/checkpoint.pth; the only checkpoint in that
    folder; `shipped`, the configuration's.

    Raises:
        FileNotFoundError: if there is none; the message lists the places searched.
        ValueError: if there are several and none is named checkpoint.pth.
    """
    if checkpoint is not None:
        return checkpoint
    folder = Path(workdir) / "checkpoints"
    published = folder / "checkpoint.pth"
    if published.is_file():
        return published
    names = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
    candidates = [name for name in names if Path(name).suffix in SUFFIXES]
    if len(candidates) == 1:
        return folder / candidates[0]
    if candidates:
        raise ValueError(
            f"{folder} holds {len(candidates)} checkpoints ({_listing(candidates)}) and none is "
            "named checkpoint.pth; choose one with --checkpoint"
        )
    if shipped is not None:
        return shipped
    found = f"found {_listing(names)}" if names else "found nothing in it"
    raise FileNotFoundError(
        f"no checkpoint: looked for {published} or one other .pth or .safetensors file there, "
        f"{found if folder.is_dir() else 'but there is no such folder'}; put it there or pass "
        "--checkpoint"
    )


def _listing(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def read_checkpoint(
    source: str | Path, card: ModelCard | None = None, *, weights: Literal["ema", "raw"] = "ema"
) -> NetworkScore:
    """Read a .pth, which needs a card, a .safetensors file, a diffusers folder or a hub name.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is damaged, or its network cannot be sampled here.
        OSError: if the hub has no such name or cannot be reached.
    """
    path = Path(source)
    if path.suffix in SUFFIXES and not path.is_dir():
        return checkpoints.load(path, card, weights=weights)
    if path.is_file() or (not path.is_dir() and len(path.parts) != 2):
        raise ValueError(
            f"a checkpoint is a {' or a '.join(SUFFIXES)} file, a diffusers folder or a hub name "
            f"such as google/ncsnpp-church-256, got {source}"
        )
    return hub.load(source)


def open_checkpoint(
    source: str | Path, card: ModelCard, *, weights: Literal["ema", "raw"] = "ema"
) -> NetworkScore:
    """Read a checkpoint that must be of the card's network and process.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is damaged, or of another network or process.
    """
    score = read_checkpoint(source, card, weights=weights)
    if score.sde != card.sde:
        raise ValueError(
            f"{source} was trained on {score.sde}, but the configuration says {card.sde}; use the "
            "configuration that belongs to it"
        )
    if _architecture(score.card) != _architecture(card):
        raise ValueError(
            f"{source} is another network than the configuration's: {_differences(score, card)}; "
            "use the configuration that belongs to it"
        )
    return score


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
