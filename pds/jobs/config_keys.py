"""Errors about the names of a configuration's values, which suggest the most similar name."""

import difflib
from collections.abc import Collection

OTHER_NAMES = (
    {"sigma_max", "sigma_begin"},
    {"sigma_min", "sigma_end"},
    {"beta_min", "beta_begin", "beta_start"},
    {"beta_max", "beta_end"},
    {"num_scales", "n_scales", "num_classes", "num_timesteps", "num_diffusion_timesteps"},
    {"nf", "ch", "ngf"},
    {"num_channels", "channels", "in_channels"},
)
"""Names of one value in several projects."""


def missing(key: str, present: Collection[str], known: Collection[str]) -> str:
    """Return a sentence about a key that a file lacks.

    Args:
        key: such as model.sigma_max.
        present: the names in the file.
        known: names that are read as other values, and are therefore not suggested.
    """
    group = key.partition(".")[0]
    suggestion = nearest(key, [name for name in present if name not in known])
    if suggestion:
        return f"{key} is missing; the file has {suggestion}, did you mean {key}?"
    if not any(name.startswith(f"{group}.") for name in present):
        return f"{key} is missing, with its group {group}"
    return f"{key} is missing"


def unknown(key: str, names: Collection[str]) -> str:
    """Return a sentence about a key that is none of the names."""
    inside = [name for name in names if name.startswith(f"{key}.")]
    if inside:
        return f"{key} is a group of values; name one of them, such as {inside[0]}"
    suggestion = nearest(key, names)
    end = f"did you mean {suggestion}?" if suggestion else "expected a name such as sampling.snr"
    return f"{key or 'an empty name'} is no value of this configuration; {end}"


def nearest(key: str, names: Collection[str]) -> str | None:
    """Return the name that a key probably means: the same in another group, or a similar one."""
    leaf = _leaf(key)
    same = next((group for group in OTHER_NAMES if leaf in group), {leaf})
    candidates = [name for name in names if _leaf(name) in same]
    candidates += difflib.get_close_matches(key, names, 1, 0.7)
    near_leaves = difflib.get_close_matches(leaf, [_leaf(name) for name in names], 1, 0.8)
    candidates += [name for name in names if _leaf(name) in near_leaves]
    return candidates[0] if candidates else None


def _leaf(key: str) -> str:
    return key.rpartition(".")[2]
