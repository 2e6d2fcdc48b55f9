"""A folder of pictures that `main.py` has drawn: their pixels, and what drew them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pds.arms.names import parse
from pds.files import pictures
from pds.jobs.folder import read_text
from pds.jobs.record import Record
from pds.request import Request

BATCH = 32


@dataclass(frozen=True)
class DrawnFolder:
    """The pictures 000000.png and so on of one sampler at one N; `open_folder` finds them.

    Iterating yields uint8 batches (B, C, H, W).
    """

    folder: Path
    paths: tuple[Path, ...]
    shape: tuple[int, int, int]
    record: Record

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[Tensor]:
        for first in range(0, len(self.paths), BATCH):
            yield torch.from_numpy(np.stack([self._pixels(p) for p in self.paths[first:][:BATCH]]))

    def _pixels(self, path: Path) -> np.ndarray:
        try:
            pixels = _channels_first(path)
        except OSError:
            raise ValueError(f"{path} is damaged; run main.py again to sample it anew") from None
        if pixels.shape != self.shape:
            raise ValueError(
                f"{path} has the shape {pixels.shape}, and {self.paths[0].name} {self.shape}; "
                "measure images of one run at a time"
            )
        return pixels

    @property
    def experiment(self) -> str:
        """The name of the configuration file, or else of the checkpoint, without its suffix."""
        flags = self.record.flags
        return Path(flags["config"] or flags["checkpoint"] or "checkpoint").stem

    @property
    def sampler(self) -> str:
        """The name of the sampler, as `pds.arms.names` has it."""
        flags, side = self.record.flags, self.record.sampler
        if isinstance(flags["compare"], list):
            return parse(flags["compare"][side == "right"]).at(self.num_steps).name
        if side == "vanilla":
            return side
        request = Request(
            frequency=bool(flags["freq_mask_path"]),
            space=bool(flags["space_mask_path"]),
            alpha=flags["alpha"],
            tuned=flags["tuned"],
        )
        return request.arms[1].name

    @property
    def num_steps(self) -> int:
        """N of the sampler, its own where its name has one."""
        flags, side, common = self.record.flags, self.record.sampler, self.record.num_steps
        assert common is not None
        if isinstance(flags["compare"], list):
            return parse(flags["compare"][side == "right"]).at(common).num_steps or common
        return common


def open_folder(folder: Path) -> DrawnFolder:
    """Find the pictures of a folder; those in its folders are of other samplers.

    Raises:
        FileNotFoundError: if it holds no pictures of `main.py`.
        ValueError: if the first one does not say how it was drawn.
    """
    paths = tuple(sorted(p for p in folder.glob("*.png") if p.stem.isdecimal()))
    if not paths:
        raise FileNotFoundError(
            f"no images in {folder}; expected 000000.png and so on, sampled by main.py into "
            "WORKDIR/eval, or into a folder in it, such as vanilla"
        )
    try:
        record = Record.from_json(read_text(paths[0]) or "")
    except ValueError:
        record = None
    if record is None or record.num_steps is None:
        raise ValueError(
            f"{paths[0]} does not say how it was made; expected a PNG as main.py saved it"
        )
    return DrawnFolder(folder, paths, _channels_first(paths[0]).shape, record)


def _channels_first(path: Path) -> np.ndarray:
    return pictures.read_pixels(path).transpose(2, 0, 1)
