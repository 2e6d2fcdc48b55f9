"""Model files: the .safetensors of this project, which contain a model card, and score_sde's .pth.

A score_sde checkpoint is dict(optimizer, model, ema, step). `model` has names with a `module.`
prefix; `ema["shadow_params"]` lists the averaged *trainable* parameters in order, so the fixed
Fourier frequencies come from `model`. It is opened with weights_only, so that it cannot run code.

Source: the layout is that of Y. Song's score_sde and of the published PDS code.
"""

import importlib
import json
import pickle
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from pds.files.writing import whole
from pds.scores.ncsnpp import ModelCard, NetworkScore

Weights = dict[str, Tensor]

DAMAGE = (
    pickle.UnpicklingError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What torch.load raises for damaged checkpoints, depending on where they are damaged."""


def load(
    path: Path, card: ModelCard | None = None, *, weights: Literal["ema", "raw"] = "ema"
) -> NetworkScore:
    """Read a model, ready to sample on the CPU.

    Args:
        path: a .safetensors file of this project, or a score_sde .pth.
        card: of the network; not used for a .safetensors file, which has its own.
        weights: the averaged or the last ones of a .pth.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, not a checkpoint, or of another network.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}; expected a .safetensors or .pth file")
    if path.suffix == ".safetensors":
        state, card = _read_safetensors(path)
    elif card is None:
        raise ValueError(f"{path} does not describe its network; pass its configuration")
    else:
        state = {}
    # On the meta device, no weights are allocated or initialized before the file is checked.
    with torch.device("meta"):
        score = NetworkScore(card)
    if path.suffix != ".safetensors":
        trainable = [name for name, p in score.network.named_parameters() if p.requires_grad]
        state = _read_pth(path, trainable, weights)
    return fill(score, state, path)


def fill(score: NetworkScore, state: Weights, source: Path | str) -> NetworkScore:
    """Set the weights of a network on the meta device, and make it ready to sample on the CPU.

    Args:
        score: the network.
        state: its weights.
        source: where the weights come from, for error messages.

    Raises:
        ValueError: if a tensor is missing, unknown, of another shape or not finite.
    """
    _require_fit(source, state, score.network.state_dict())
    state = {name: tensor.float().contiguous() for name, tensor in state.items()}
    score.network.load_state_dict(state, assign=True)
    # Convolutions on the CPU are a quarter faster with channels last.
    score.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return score.eval().requires_grad_(False)


def save(path: Path, score: NetworkScore) -> None:
    """Write a model with its card as .safetensors, atomically."""
    state = {name: tensor.contiguous() for name, tensor in score.network.state_dict().items()}
    with whole(path) as partial:
        save_file(state, partial, metadata={"pds": json.dumps(score.card.to_dict())})


def _read_safetensors(path: Path) -> tuple[Weights, ModelCard]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged or not a safetensors file ({error})") from None
    if "pds" not in metadata:
        raise ValueError(f"{path} carries no model description; it was not written by pds")
    try:
        return state, ModelCard.from_dict(json.loads(metadata["pds"]))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from None


def _read_pth(path: Path, trainable: list[str], weights: str) -> Weights:
    checkpoint = unpickle(path)
    model, ema = checkpoint.get("model"), checkpoint.get("ema")
    averaged = ema.get("shadow_params") if isinstance(ema, dict) else None
    if not isinstance(model, dict) or not isinstance(averaged, list):
        raise ValueError(
            f"{path} is not a score_sde checkpoint: expected optimizer, model, ema and step, "
            f"found {', '.join(map(str, checkpoint)) or 'nothing'}"
        )
    state = {str(name).removeprefix("module."): tensor for name, tensor in model.items()}
    # The noise levels, which sampling computes itself.
    state.pop("sigmas", None)
    if weights == "raw":
        return state
    if len(averaged) != len(trainable):
        raise ValueError(
            f"{path} averages {len(averaged)} parameters, but this network trains "
            f"{len(trainable)}; it was made for another configuration"
        )
    return {**state, **dict(zip(trainable, averaged, strict=True))}


def unpickle(path: Path) -> dict[str, Any]:
    """Read a .pth without running code; numpy scalars are allowed, which score_sde's files have.

    Raises:
        ValueError: if the file is damaged, needs code, or does not hold a dict.
    """
    scalar = importlib.import_module("numpy._core.multiarray").scalar
    safe = [scalar, (scalar, "numpy.core.multiarray.scalar"), np.dtype, np.dtypes.Float64DType]
    # Opened outside the try: a file without read permission is not damaged.
    with path.open("rb") as file, torch.serialization.safe_globals(safe):
        try:
            checkpoint = torch.load(file, map_location="cpu", weights_only=True)
        except DAMAGE as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ValueError(f"{path} is damaged or not a plain checkpoint ({reason})") from None
    if not isinstance(checkpoint, dict):
        raise ValueError(f"{path} holds a {type(checkpoint).__name__}; expected a checkpoint dict")
    return checkpoint


def _require_fit(source: Path | str, state: Weights, expected: Weights) -> None:
    """Raise for tensors with other names or shapes, and for values that are not finite."""
    problems = []
    for name in [*expected, *(n for n in state if n not in expected)]:
        want, have = expected.get(name), state.get(name)
        if want is None:
            problems.append(f"{name} is unknown")
        elif not isinstance(have, Tensor):
            problems.append(f"{name} is missing")
        elif have.shape != want.shape:
            problems.append(f"{name} is {tuple(have.shape)}, expected {tuple(want.shape)}")
        elif not have.is_floating_point() or not bool(torch.isfinite(have).all()):
            problems.append(f"{name} is not finite")
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise ValueError(
            f"{source} does not fit this network: {'; '.join(problems[:3])}{more}; "
            "check that it belongs to the configuration"
        )
