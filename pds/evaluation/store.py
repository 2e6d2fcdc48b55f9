"""The output folder of an evaluation: its images, and the model that they come from.

evaluation.json                     model, fingerprint, seed, format
images/pds=5/66/000000-000031.npz   images i = 0 to 31 of an arm at N = 66; image i has seed + i
    images   (n, C, H, W) float16, not clipped; inf or nan where a chain diverged
    first    i of the first image
    nfe      network evaluations for each image
    seconds  for the batch
images/converged=ode-heun/50/...    the network's own pictures, from seeds that no cell uses
reference.npz                       held-out images
table.csv, report.html              of everything in the folder

Batches may have any size and be drawn in any order, by one run or several. Every file is written
atomically.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pds.files.arrays import read_npz, to_npz
from pds.files.writing import write

FORMAT = 1

CONVERGED = "converged:"
"""Before the arm of cells of the network's own pictures."""

CONVERGED_SEED = 1_000_000
"""Added to the seeds of the network's own pictures, which no other cell shares."""


class Cell(NamedTuple):
    """An arm at one number of iterations."""

    arm: str
    num_steps: int

    @property
    def is_converged(self) -> bool:
        """Whether its pictures are the network's own, which cells are compared with."""
        return self.arm.startswith(CONVERGED)

    @property
    def converged(self) -> "Cell":
        """The cell of the network's own pictures that this arm draws at this N."""
        return Cell(CONVERGED + self.arm, self.num_steps)

    @property
    def drawn_by(self) -> "Cell":
        """The arm and N that draw the pictures."""
        return Cell(self.arm.removeprefix(CONVERGED), self.num_steps)

    @property
    def seed_offset(self) -> int:
        """Added to the seed of each image."""
        return CONVERGED_SEED if self.is_converged else 0


NETWORK = Cell("ode-heun", 50).converged
"""The cell of the network's own pictures, unless another is named."""


class Batch(NamedTuple):
    """Images that are drawn together: `size` images of a cell from i = `first` on."""

    cell: Cell
    first: int
    size: int


class Drawn(NamedTuple):
    """The images of a cell from i = 0 to the first gap.

    images: (n, C, H, W) float32, not clipped.
    nfe: network evaluations for each image.
    seconds: mean for each image.
    """

    images: Tensor
    nfe: int
    seconds: float


@dataclass(frozen=True)
class Store:
    """The output folder of an evaluation."""

    folder: Path

    def claim(self, model: str, fingerprint: str, *, seed: int) -> None:
        """Record the model and seed of the folder, or check that they are the recorded ones.

        Args:
            model: its name.
            fingerprint: of its weights and masks.
            seed: of image 0.

        Raises:
            ValueError: if the folder is of another model or seed, or holds other files.
        """
        mine = {"format": FORMAT, "model": model, "fingerprint": fingerprint, "seed": seed}
        path = self.folder / "evaluation.json"
        if path.is_file():
            self._require_same(_read_json(path), mine)
            return
        if self.folder.is_dir() and any(self.folder.iterdir()):
            raise ValueError(f"{self.folder} holds something else; choose another --out")
        write(path, json.dumps(mine, indent=1).encode() + b"\n")

    def _require_same(self, recorded: dict[str, Any], mine: dict[str, Any]) -> None:
        for name, value in mine.items():
            if recorded.get(name) != value:
                raise ValueError(
                    f"{self.folder} is an evaluation of {name} {recorded.get(name)}, not {value}; "
                    "choose another --out"
                )

    def model(self) -> str:
        """Return the name of the folder's model.

        Raises:
            ValueError: if it is no folder of an evaluation.
        """
        path = self.folder / "evaluation.json"
        if not path.is_file():
            raise ValueError(f"{self.folder} is no folder of python -m pds evaluate")
        return str(_read_json(path)["model"])

    def cells(self) -> list[Cell]:
        """Return the cells that have images, in the order of their paths; no converged ones."""
        root = self.folder / "images"
        paths = sorted(path for path in root.glob("*/*") if any(path.glob("*.npz")))
        drawn_cells = [Cell(p.parent.name.replace("=", ":"), int(p.name)) for p in paths]
        return [cell for cell in drawn_cells if not cell.is_converged]

    def own_pictures(self, cell: Cell, num_images: int | None = None) -> Tensor | None:
        """Return the network's own pictures; None if there are fewer than two.

        Args:
            cell: that they were drawn as, see `Cell.converged`.
            num_images: how many at most, by default all.

        Raises:
            ValueError: if one of them is not finite.
        """
        if not self._batches(cell):
            return None
        images = self.drawn(cell).images[:num_images]
        if not bool(images.isfinite().all()):
            arm, num_steps = cell.drawn_by
            raise ValueError(f"{arm} at N = {num_steps} diverged and is no reference")
        return images if len(images) > 1 else None

    def missing(self, cell: Cell, num_images: int, batch_size: int) -> Iterator[Batch]:
        """Yield batches of the first `num_images` images of a cell that are not stored yet."""
        stored = {i for _, indices in self._batches(cell) for i in indices}
        start = 0
        while start < num_images:
            stop = start
            while stop < num_images and stop not in stored and stop - start < batch_size:
                stop += 1
            if stop > start:
                yield Batch(cell, start, stop - start)
            start = max(stop, start + 1)

    def save(self, batch: Batch, images: Tensor, *, nfe: int, seconds: float) -> None:
        """Write a batch."""
        name = f"{batch.first:06d}-{batch.first + batch.size - 1:06d}.npz"
        stored = to_npz(images=_halves(images), first=batch.first, nfe=nfe, seconds=seconds)
        write(self._path(batch.cell) / name, stored)

    def drawn(self, cell: Cell) -> Drawn:
        """Read the images of a cell, up to the first gap.

        Raises:
            ValueError: if a file is damaged, or the first image is missing.
        """
        images: list[Tensor] = []
        count, nfe, seconds, timed = 0, 0, 0.0, 0
        for path, indices in self._batches(cell):
            if indices[0] > count:
                break
            arrays = read_npz(path)
            new = torch.from_numpy(arrays["images"][count - indices[0] :].astype(np.float32))
            images.append(new)
            count += len(new)
            nfe, seconds = int(arrays["nfe"]), seconds + float(arrays["seconds"])
            timed += len(indices)
        if not images:
            raise ValueError(f"{self._path(cell)} lacks its first image; sample this cell again")
        return Drawn(torch.cat(images), nfe, seconds / timed)

    def held_out(self) -> Tensor | None:
        """Return the held-out images of the folder, (n, C, H, W) float32, if it has any."""
        path = self.folder / "reference.npz"
        if not path.is_file():
            return None
        return torch.from_numpy(read_npz(path)["images"].astype(np.float32))

    def reference(
        self, num_images: int, *, source: str, held_out: Callable[[int], Tensor]
    ) -> Tensor:
        """Return held-out images, (n, C, H, W) float32; they are stored in the folder.

        Args:
            num_images: how many are wanted; there may be fewer.
            source: path of the images, "" if they are drawn; stored images of another are replaced.
            held_out: returns the images, if they are not stored yet.
        """
        path = self.folder / "reference.npz"
        if path.is_file():
            arrays = read_npz(path)
            if int(arrays["wanted"]) == num_images and str(arrays["source"]) == source:
                return torch.from_numpy(arrays["images"].astype(np.float32))
        stored = _halves(held_out(num_images))
        write(path, to_npz(images=stored, wanted=num_images, source=source))
        return torch.from_numpy(stored.astype(np.float32))

    def _path(self, cell: Cell) -> Path:
        # Windows allows no colon in a file name.
        return self.folder / "images" / cell.arm.replace(":", "=") / str(cell.num_steps)

    def _batches(self, cell: Cell) -> list[tuple[Path, range]]:
        """Return the files of a cell and the images in each, in order."""
        batches = []
        for path in self._path(cell).glob("*-*.npz"):
            first, last = map(int, path.stem.split("-"))
            batches.append((path, range(first, last + 1)))
        return sorted(batches, key=lambda pair: (pair[1].start, pair[1].stop))


def _halves(images: Tensor) -> NDArray[np.float16]:
    """Return images in half precision: within 2.5e-4 in [0, 1], far below any grain."""
    with np.errstate(over="ignore"):  # values too large for it belong to diverged images
        return images.numpy().astype(np.float16)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise ValueError(f"{path} is damaged; choose another --out")
    return values
