"""Masks in the configuration of a scheduler, and beside it on disk."""

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import torch
from huggingface_hub import hf_hub_download
from numpy.typing import NDArray
from torch import Tensor

from pds import filters

HUB_OPTIONS = ("cache_dir", "force_download", "local_files_only", "revision", "subfolder", "token")
"""Keywords of `from_pretrained` that decide where a file of the hub comes from."""


class RawMask(str):
    """A raw mask in a scheduler's configuration: the name of its file, which is what JSON gets.

    Args:
        kind: "frequency" or "space".
        values: (C, H, W) float32.
    """

    kind: filters.Kind
    values: Tensor

    def __new__(cls, kind: filters.Kind, values: Tensor) -> Self:
        mask = super().__new__(cls, f"{kind}_mask.npy")
        mask.kind, mask.values = kind, values
        return mask

    def __reduce__(self) -> tuple[type[Self], tuple[filters.Kind, Tensor]]:
        return type(self), (self.kind, self.values)


MaskLike = Tensor | NDArray[Any] | str | os.PathLike[str] | RawMask
"""A raw mask (C, H, W), or the path of its .npy file."""


def raw_mask(mask: MaskLike | None, kind: filters.Kind) -> RawMask | None:
    """Read a mask from its file, or check one.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for what `pds.filters.read` refuses.
    """
    if mask is None or isinstance(mask, RawMask):
        return mask
    if isinstance(mask, str | os.PathLike):
        return RawMask(kind, filters.load(Path(mask), None, kind=kind).float())
    # In the precision of its file, so that a saved scheduler draws the same images.
    encoded = io.BytesIO(filters.encode(torch.as_tensor(mask), kind=kind))
    return RawMask(kind, filters.read(encoded, f"the {kind} mask", None, kind=kind).float())


def beside(source: str | os.PathLike[str], file: str, options: Mapping[str, Any]) -> Path:
    """Return the path of a file beside the scheduler_config.json that diffusers reads.

    Args:
        source: a file, a folder or a name of the hub.
        file: the name.
        options: keywords of `from_pretrained`.
    """
    path = Path(source)
    if path.is_file():
        return path.parent / file
    if path.is_dir():
        inside = path / (options.get("subfolder") or "")
        return (inside if inside.is_dir() else path) / file
    chosen = {key: options[key] for key in HUB_OPTIONS if key in options}
    return Path(hf_hub_download(str(source), filename=file, **chosen))
