"""A user's images, from a folder, a zip archive, a picture or an array file, one batch at a time.

`pds.files.decoding` says how a file becomes pixels, `pds.files.image_arrays` how an array does.
Files that give no picture are skipped, and named by kind.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pds.files import decoding, folders, image_arrays
from pds.files.decoding import Fit, Pixels
from pds.files.rasters import Budget
from pds.files.unread import Remedies, Skipped, Unread, describe_skipped
from pds.limits import MAX_PICTURE_PIXELS

BATCH = 16
ELSEWHERE = Remedies()


@dataclass
class Images:
    """The images of a source; each iteration reads them anew.

    Args:
        source: a folder, searched with its subfolders and .zip archives; a .zip archive; one
            picture; or an .npy or .npz file, see `pds.files.image_arrays`.
        size, channels, enlarge, value_range: see `pds.files.decoding.Fit`.
        key: name of the array in a .npz file with several.
        remedies: what sentences about skipped files advise.
        unread: files that gave no picture, filled by an iteration.

    Raises:
        FileNotFoundError: if there is no such source.
        ValueError: if an argument is out of range; by an iteration, if the source holds no image or
            an array of another kind.
    """

    source: Path
    size: int
    channels: int = 3
    enlarge: bool = False
    value_range: tuple[float, float] | None = None
    key: str | None = None
    remedies: Remedies = ELSEWHERE
    unread: list[Skipped] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.source.exists():
            raise FileNotFoundError(
                f"no images at {self.source}; expected a folder, a .zip archive, an image file, an "
                ".npy or an .npz file"
            )
        self.fit = Fit(self.size, self.channels, self.enlarge, self.value_range)
        suffix = self.source.suffix.lower()
        self._of_arrays = self.source.is_file() and suffix in image_arrays.SUFFIXES
        if self.key is not None and not self._of_arrays:
            raise ValueError(f"{self.source} is no .npz file, which alone has arrays with keys")

    def __len__(self) -> int:
        """Return the number of files, or of images of an array, read or not."""
        if self._of_arrays:
            return len(self._array.values)
        return sum(1 for _ in folders.entries(self.source))

    def __iter__(self) -> Iterator[Tensor]:
        """Yield float32 batches (B, channels, size, size) in [0, 1]."""
        self.unread.clear()
        batch: list[Pixels] = []
        empty = True
        for pixels in self._from_array() if self._of_arrays else self._from_files():
            empty = False
            batch.append(pixels)
            if len(batch) == BATCH:
                yield torch.from_numpy(np.stack(batch))
                batch = []
        if batch:
            yield torch.from_numpy(np.stack(batch))
        if empty:
            raise ValueError("; ".join([f"{self.source} holds no image", *self.sentences()]))

    @property
    def skipped(self) -> list[str]:
        """The names of the files that the last iteration skipped."""
        return [file.name for file in self.unread]

    def sentences(self) -> list[str]:
        """Count and name the files that the last iteration skipped, by kind."""
        return describe_skipped(self.unread, self.remedies)

    @cached_property
    def _array(self) -> image_arrays.ImageArray:
        return image_arrays.open_array(self.source, self.key, self.value_range)

    def _from_array(self) -> Iterator[Pixels]:
        fit = Fit(self.size, self.channels, self.enlarge)
        for number, raster in enumerate(self._array.rasters()):
            try:
                yield decoding.fitted(raster, fit)
            except Unread as unread:
                self.unread.append(Skipped(f"image {number}", unread.reason, unread.detail))

    def _from_files(self) -> Iterator[Pixels]:
        for entry in folders.entries(self.source):
            try:
                with entry.open() as file, _silenced():
                    budget = Budget(MAX_PICTURE_PIXELS)
                    pixels = decoding.decode(file, entry.name, self.fit, budget)
                yield pixels
            except Unread as unread:
                self.unread.append(Skipped(entry.name, unread.reason, unread.detail))
            except OSError:
                self.unread.append(Skipped(entry.name, folders.CLOSED))


@contextmanager
def _silenced() -> Iterator[None]:
    """Discard what libtiff writes to the process's stderr about damaged files."""
    with open(os.devnull, "wb") as nowhere:
        try:
            kept = os.dup(2)
        except OSError:  # there is no stderr
            yield
            return
        try:
            os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
