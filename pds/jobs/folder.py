"""The files of a job: their paths, which of them exist, and which job drew them.

workdir/eval_folder/000000.png ...          one for each image
                    vanilla/000000.png      without the filter, if both are drawn
                    left/000000.png         of two samplers with names, both apart
                    right/000000.png
                    trajectory/000000.webp  .npz
                    2000/ 200/ 66/ ...      all of these for each N of a ladder
                    sheet.png

Images that have neither 1 nor 3 channels are no pictures: they are .npy files, see
`pds.files.array_images`, without .webp and sheet.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pds.files import array_images, pictures
from pds.jobs.job import Job
from pds.jobs.record import Record, to_command

SHEET = "sheet.png"
SUFFIXES = (".png", ".npy")
"""Suffixes of pictures, and of images with other numbers of channels."""


@dataclass(frozen=True)
class Folder:
    """The folder of a job.

    job: which draws the pictures.
    record: of all its pictures; each adds which picture it is.
    """

    job: Job
    record: Record

    @property
    def pictured(self) -> bool:
        """Return whether the images are pictures, gray or in color."""
        return self.job.configuration.card.network.num_channels in (1, 3)

    @property
    def sheet(self) -> Path:
        """Return the path of the sheet."""
        return self.job.folder / SHEET

    def base(self, num_steps: int) -> Path:
        """Return the folder of the images with N iterations."""
        return self.job.folder / str(num_steps) if self.job.ladder else self.job.folder

    def picture(self, num_steps: int, sampler: str, image: int) -> tuple[Path, Record]:
        """Return the path and the record of a picture."""
        base = self.base(num_steps)
        if _apart(sampler, compared=len(self.job.chains) > 1):
            base = base / sampler
        record = dataclasses.replace(self.record, num_steps=num_steps, sampler=sampler, image=image)
        return base / f"{image:06d}{SUFFIXES[not self.pictured]}", record

    def trajectory(self, num_steps: int, image: int) -> tuple[Path | None, Path]:
        """Return the paths of an image's animation, None if it is no picture, and numbers."""
        folder = self.base(num_steps) / "trajectory"
        animated = folder / f"{image:06d}.webp" if self.pictured else None
        return animated, folder / f"{image:06d}.npz"

    def files(self, num_steps: int, image: int) -> Iterator[Path]:
        """Yield the paths of all files of an image."""
        for sampler in self.job.chains:
            yield self.picture(num_steps, sampler, image)[0]
        if self.job.trajectory:
            yield from filter(None, self.trajectory(num_steps, image))

    def missing(self, num_steps: int, images: list[int]) -> list[int]:
        """Return the images with a file that is missing or incomplete."""
        return [i for i in images if not all(map(self.whole, self.files(num_steps, i)))]

    def whole(self, path: Path) -> bool:
        """Return whether a file exists and, if it is an image, is complete."""
        return path.is_file() and (path.suffix not in SUFFIXES or read_text(path) is not None)

    def grain(self, num_steps: int, sampler: str) -> float | None:
        """Return the mean grain that the pictures of a sampler carry, in pixel units.

        Pictures that another machine of the run has written to its own disk are not counted.

        Returns:
            None if a picture carries none, as one that an older version drew.
        """
        job = self.job
        images = range(job.request.num_images) if job.only is None else [job.only]
        paths = (self.picture(num_steps, sampler, image)[0] for image in images)
        kept = [pictures.read_grain(path) for path in paths if path.is_file()]
        known = [grain for grain in kept if grain is not None]
        return sum(known) / len(known) if known and len(known) == len(kept) else None

    def require_own(self) -> None:
        """Refuse a folder that holds pictures of another job.

        Raises:
            ValueError: with the first such file and its difference.
        """
        self._require(self.sheet, self.record)
        for num_steps in self.job.counts:
            for sampler in self.job.chains:
                first, _ = self.picture(num_steps, sampler, 0)
                for path in sorted(first.parent.glob("[0-9]*")):
                    if path.stem.isdecimal() and path.suffix in SUFFIXES:
                        self._require(path, self.picture(num_steps, sampler, int(path.stem))[1])

    def _require(self, path: Path, expected: Record) -> None:
        text = read_text(path) if path.is_file() else None
        if text is None:
            # Missing, or truncated by a copy or a crash: it will be drawn.
            return
        try:
            difference = Record.from_json(text).difference(expected)
        except ValueError:
            difference = "no record of one"
        if difference:
            raise ValueError(
                f"{path.parent} holds images of another run ({path.name} has {difference}); "
                "choose another --eval_folder or empty this one"
            )


def command_of(path: Path) -> str:
    """Return the shell command that makes a picture of a run again, in the folder where it is.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not a picture of a run.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no image at {path}; expected a PNG that main.py has sampled")
    text = read_text(path)
    if text is None:
        raise ValueError(
            f"{path} is not a whole PNG or .npy image; expected one that main.py has sampled"
        )
    try:
        record = Record.from_json(text)
    except ValueError:
        raise ValueError(f"{path} does not say how it was made; main.py did not make it") from None
    flags, folder = record.flags, path.absolute().parent
    if record.image is not None:
        apart = _apart(record.sampler, compared=bool(flags["compare"] or flags["ladder"]))
        folder = [folder, *folder.parents][int(apart) + bool(flags["ladder"])]
    workdir = _workdir(folder)
    places = {
        "workdir": str(_from_here(workdir)),
        "eval_folder": str(folder.relative_to(workdir)),
        "only": record.image,
    }
    return to_command({**flags, **places})


def _apart(sampler: str | None, *, compared: bool) -> bool:
    """Return whether the pictures of a sampler have a folder with its name."""
    return compared and sampler != "pds"


def read_text(path: Path) -> str | None:
    """Return the text of an image, "" if it has none, None if the file is incomplete."""
    return (array_images if path.suffix == ".npy" else pictures).read_text(path)


def _workdir(folder: Path) -> Path:
    """Return the nearest parent that has checkpoints, or else the direct parent."""
    above = [parent for parent in folder.parents if (parent / "checkpoints").is_dir()]
    return (above or [folder.parent])[0]


def _from_here(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
