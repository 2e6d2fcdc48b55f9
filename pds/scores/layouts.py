"""The weights in a checkpoint dict, however a training program arranged them.

The names of an NCSN++'s tensors begin with `all_modules.`; the prefix before it identifies a set of
weights, whatever the program that wrote the file:

    model       module.all_modules.0.W           score_sde
    (nothing)   all_modules.0.W                  a bare state dict, or with module., _orig_mod.
    state_dict  model.all_modules.0.W            Lightning
    ema         ema_model.all_modules.0.W        averaged, as `ema` says

Averages may also be a list, `shadow_params`: the *trainable* parameters in order, or all of them.
The fixed Fourier frequencies are not averaged and come from the last weights.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from torch import Tensor

from pds.limits import printable
from pds.scores.ncsnpp import NetworkScore
from pds.scores.unpickling import Foreign, describe_class

Weights = dict[str, Tensor]
WeightsName = Literal["ema", "raw"]


class WeightSet(NamedTuple):
    """One set of weights of a checkpoint, by the names of the network, and its place."""

    state: dict[str, Any]
    place: str
    averaged: bool


NETWORK = re.compile(r"(?:^|\.)(?=all_modules\.\d)")
AVERAGED = re.compile(r"(?:^|[._])(?:ema|averaged?|avg|swa|shadow)(?:[._]|$)")
ONLINE = re.compile(r"(?:^|[._])online")
"""Matches the last weights, which some programs store inside their averages."""

MAX_DEPTH = 4
"""Depth to which nested dicts are searched."""

RESAVE = 'save them as torch.save({"model": ..., "ema": ...}, FILE) where they were made'


def choose(
    content: Mapping[Any, Any], score: NetworkScore, weights: WeightsName, source: Path | str
) -> WeightSet:
    """Return one of the sets of weights in a checkpoint.

    Args:
        content: the checkpoint.
        score: of the network, on any device; only its names are used.
        weights: "ema" for averaged weights, or the last ones where there are none; "raw" for the
            last ones.
        source: where the content comes from, for error messages.

    Raises:
        ValueError: if there are no weights of an NCSN++, or the choice between several sets is
            ambiguous.
    """
    leaves = dict(_leaves(content))
    groups = _groups(leaves)
    lists = {
        n: v for n, v in leaves.items() if n.split(".")[-1] == "shadow_params" and v is not None
    }
    averaged = [name for name in groups if _is_averaged(name)]
    raw = [name for name in groups if name not in averaged]
    if len(raw) > 1:
        raw = [name for name in raw if not ONLINE.search(name)]
    if not groups and not lists:
        raise ValueError(_no_weights(leaves, source))
    last = groups[_only(raw, "last", source)] if raw else {}
    if weights == "raw" and not raw:
        raise ValueError(f"{source} has averaged weights only; ask for ema instead of raw")
    if weights == "raw" or not (averaged or lists):
        return WeightSet(last, _shown(raw[0]), averaged=False)
    name = _only([*averaged, *lists], "averaged", source)
    taken = groups[name] if name in groups else _listed(lists[name], score, source)
    trained = {n for n, p in score.network.named_parameters() if p.requires_grad}
    fixed = {n: tensor for n, tensor in last.items() if n not in trained}
    return WeightSet({**taken, **fixed}, _shown(name), averaged=True)


def _leaves(values: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the values in dicts of dicts, with the dotted names that lead to them."""
    seen, pending = {id(values)}, [("", values, 0)]
    while pending:
        prefix, inner, depth = pending.pop(0)
        for key, value in inner.items():
            if not isinstance(key, str):
                continue
            name = f"{prefix}{printable(key)}"
            if not isinstance(value, Mapping):
                yield name, value
            # A file may hold a dict within itself.
            elif id(value) not in seen and depth < MAX_DEPTH:
                seen.add(id(value))
                pending.append((f"{name}.", value, depth + 1))


def _groups(leaves: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the sets of weights: by what stands before the names of the network, by its names."""
    splits = {name: NETWORK.search(name) for name in leaves}
    starts = {name: match.end() for name, match in splits.items() if match}
    groups: dict[str, dict[str, Any]] = {name[:start]: {} for name, start in starts.items()}
    for name, value in leaves.items():
        # What stands beside the network's modules belongs to the set with the longest prefix.
        inside = [prefix for prefix in groups if name.startswith(prefix)]
        if inside:
            prefix = max(inside, key=len)
            groups[prefix][name.removeprefix(prefix)] = value
    for group in groups.values():
        # The noise levels, which sampling computes itself.
        group.pop("sigmas", None)
    return groups


def _is_averaged(prefix: str) -> bool:
    return bool(AVERAGED.search(prefix.lower())) and not ONLINE.search(prefix.lower())


def _only(names: Sequence[str], what: str, source: Path | str) -> str:
    if len(names) > 1:
        raise ValueError(
            f"{source} holds {len(names)} sets of {what} weights "
            f"({', '.join(map(_shown, names[:4]))}); expected one of each kind, so {RESAVE}"
        )
    return names[0]


def _shown(prefix: str) -> str:
    return prefix.rstrip(".") or "a bare state dict"


def _listed(averages: Any, score: NetworkScore, source: Path | str) -> dict[str, Any]:
    """Return averages in a list by name; it has all parameters or the trainable ones."""
    parameters = dict(score.network.named_parameters())
    trained = [name for name, p in parameters.items() if p.requires_grad]
    if not isinstance(averages, list | tuple):
        raise ValueError(
            f"{source} has {describe_class(averages)} as shadow_params; expected a list of tensors"
        )
    for names in (trained, list(parameters)):
        if len(averages) == len(names):
            return dict(zip(names, averages, strict=True))
    raise ValueError(
        f"{source} averages {len(averages)} parameters, but this network trains {len(trained)}; "
        "it was made for another configuration"
    )


def _no_weights(leaves: Mapping[str, Any], source: Path | str) -> str:
    """Return the error message that lists what the file holds instead of weights."""
    if "conv_in.weight" in " ".join(leaves):
        return (
            f"{source} has weights as diffusers names them; give the folder with their config.json "
            "and scheduler_config.json"
        )
    # Tensors and objects of foreign classes first: the likely places of the weights.
    names = sorted(leaves, key=lambda name: not isinstance(leaves[name], Tensor | Foreign))
    found = [
        f"{name} ({describe_class(leaves[name])}, not its state_dict())"
        if isinstance(leaves[name], Foreign)
        else name
        for name in names[:4]
    ]
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return (
        f"{source} holds no weights of an NCSN++: expected tensors such as all_modules.0.weight, "
        f"alone or in model and ema, found {', '.join(found) or 'nothing'}{more}"
    )
