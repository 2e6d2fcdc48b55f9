"""Model files: the .safetensors of this project, which contain a model card, and foreign ones.

Foreign files, such as score_sde's dict(optimizer, model, ema, step), need a card. They are read
without running code, see `pds.scores.unpickling`, and their weights are found by
`pds.scores.layouts`. The content of a file decides how it is read, not its name.

Source: the layout is that of Y. Song's score_sde and of the published PDS code.
"""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from pds.files.writing import whole
from pds.limits import printable
from pds.scores.file_kinds import AGAIN, kind_of
from pds.scores.layouts import Weights, WeightsName, choose
from pds.scores.ncsnpp import ModelCard, NetworkScore
from pds.scores.unpickling import describe_class, unpickle


class Opened(NamedTuple):
    """A model that is ready to sample, and which weights it has, such as the averaged ones."""

    score: NetworkScore
    origin: str


def load(
    path: Path, card: ModelCard | None = None, *, weights: WeightsName = "ema"
) -> NetworkScore:
    """Read a model, ready to sample on the CPU; see `read`."""
    return read(path, card, weights=weights).score


def read(path: Path, card: ModelCard | None = None, *, weights: WeightsName = "ema") -> Opened:
    """Read a model, ready to sample on the CPU.

    Args:
        path: a .safetensors file of this project, or a foreign checkpoint.
        card: of the network; not used for a file that has its own.
        weights: the averaged or the last ones, of a checkpoint that has both.

    Warns:
        UserWarning: if averaged weights are requested and missing.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, not a checkpoint, or of another network.
    """
    own: ModelCard | None = None
    content: dict[str, Any] = {}
    if kind_of(path) == "safetensors":
        content, own = _read_safetensors(path)
    elif card is not None:
        content = unpickle(path)
    used = own or card
    if used is None:
        raise ValueError(
            f"{path} contains no model description, unlike the .safetensors of pds; pass its "
            "configuration (--config)"
        )
    # On the meta device, no weights are allocated or initialized before they are checked.
    with torch.device("meta"):
        score = NetworkScore(used)
    if own is not None:
        return Opened(fill(score, content, path), "its weights")
    chosen = choose(content, score, weights, path)
    fill(score, chosen.state, path)
    if weights == "ema" and not chosen.averaged:
        warnings.warn(
            f"{path} has no averaged weights (ema), so its last weights are used, which usually "
            'give worse images; weights "raw" asks for them',
            UserWarning,
            stacklevel=2,
        )
    kind = "averaged" if chosen.averaged else "last"
    return Opened(score, f"its {kind} weights ({chosen.place})")


def fill(score: NetworkScore, state: Mapping[str, Any], source: Path | str) -> NetworkScore:
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


def read_safetensors(path: Path) -> tuple[Weights, dict[str, str]]:
    """Read the tensors and the metadata of a .safetensors file.

    Raises:
        ValueError: if the file is damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}
    except (SafetensorError, OSError, ValueError):
        raise ValueError(f"{path} is damaged: it cannot be read to its end; {AGAIN}") from None


def _read_safetensors(path: Path) -> tuple[Weights, ModelCard | None]:
    state, metadata = read_safetensors(path)
    if "pds" not in metadata:
        return state, None
    try:
        return state, ModelCard.from_dict(json.loads(metadata["pds"]))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from None


def _require_fit(source: Path | str, state: Mapping[str, Any], expected: Weights) -> None:
    """Raise for tensors with other names or shapes, and for values that are not finite."""
    names = [*expected, *(name for name in state if name not in expected)]
    found = ((name, _misfit(expected.get(name), state.get(name))) for name in names)
    problems = [f"{printable(name)} is {misfit}" for name, misfit in found if misfit]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise ValueError(
            f"{source} does not fit this network: {'; '.join(problems[:3])}{more}; "
            "check that it belongs to the configuration"
        )


def _misfit(want: Tensor | None, have: object) -> str | None:
    """Return what is wrong with a value in the place of a tensor, None if it fits."""
    if want is None:
        return "unknown"
    if have is None:
        return "missing"
    if not isinstance(have, Tensor):
        return f"{describe_class(have)}, expected a tensor"
    if have.shape != want.shape:
        return f"{tuple(have.shape)}, expected {tuple(want.shape)}"
    if have.layout != torch.strided or have.is_quantized or have.is_meta:
        return "a sparse, quantized or empty tensor, expected a plain one"
    if not have.is_floating_point():
        return f"{have.dtype}, expected a floating point number"
    # In the precision it will have: a large float64 becomes infinite.
    return None if bool(torch.isfinite(have.float()).all()) else "not finite"
