"""What `pds evaluate --drawn` does: the FID of folders that main.py has drawn."""

import argparse
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime

from torch import Tensor

import pds
from pds.evaluation import fid, fid_record
from pds.evaluation.fid_record import Measured
from pds.files import writing
from pds.files.images import Images
from pds.jobs.drawn import DrawnFolder, open_folder
from pds.jobs.ranks import ALONE
from pds.jobs.record import to_command

USED = ("drawn", "data", "inception", "reference", "device", "record")
PLACES = {"workdir": "W", "eval_folder": "eval", "only": None}
"""Places in the recorded command, which draws the same pictures in any folder."""
FEW = 10_000
"""Pictures below which a FID is called biased; papers use 50,000."""


def run(arguments: argparse.Namespace) -> None:
    """Print the FID of each folder against the data set, and add it to the record."""
    _require_inputs(arguments)
    folders = [open_folder(folder) for folder in arguments.drawn]
    _require_one_shape(folders)
    channels, size, _ = folders[0].shape
    data = Images(arguments.data, size, channels)
    network = fid.load_inception(arguments.inception, ALONE.device(arguments.device))
    weights = fid.identified(arguments.inception)
    wanted = min(len(data), arguments.reference or len(data))
    real = fid.statistics(network, _first(data, wanted), total=wanted)
    for sentence in data.sentences():
        warnings.warn(sentence, UserWarning, stacklevel=2)
    for folder in folders:
        row = _measured(folder, network, real, arguments.data.name, weights)
        if arguments.record is not None:
            fid_record.append(arguments.record, row)
        print(
            f"{folder.folder}: {row.experiment}, {row.sampler} at N = {row.num_steps}, "
            f"{row.images} images, FID {row.fid:.5g}",
            flush=True,
        )
    fewest = min(real.count, *map(len, folders))
    if fewest < FEW:
        warnings.warn(
            f"a FID of {fewest} images is too large: its bias grows as their number falls; "
            f"papers use 50,000, and only FIDs of equal numbers can be compared",
            UserWarning,
            stacklevel=2,
        )


def _require_inputs(arguments: argparse.Namespace) -> None:
    for name in ("data", "inception"):
        if getattr(arguments, name) is None:
            raise ValueError(
                "--drawn needs --data, the images of the data set, and --inception, the weights "
                f"of FID; got no --{name}"
            )
    if arguments.reference is not None and arguments.reference < 2:
        raise ValueError(f"--reference must be >= 2, got {arguments.reference}")
    if arguments.record is not None:
        writing.require_writable(arguments.record)
        fid_record.read(arguments.record)


def _require_one_shape(folders: list[DrawnFolder]) -> None:
    for folder in folders[1:]:
        if folder.shape != folders[0].shape:
            raise ValueError(
                f"images of --drawn must have one size, got {folders[0].shape} in "
                f"{folders[0].folder} and {folder.shape} in {folder.folder}; measure them apart"
            )


def _first(images: Images, count: int) -> Iterator[Tensor]:
    """Yield batches of the first images."""
    for batch in images:
        yield batch[:count]
        count -= len(batch)
        if count <= 0:
            return


def _measured(
    folder: DrawnFolder, network: fid.Network, real: fid.Statistics, data: str, weights: str
) -> Measured:
    drawn = fid.statistics(network, folder, total=len(folder))
    return Measured(
        experiment=folder.experiment,
        num_steps=folder.num_steps,
        sampler=folder.sampler,
        fid=fid.distance(drawn, real),
        images=drawn.count,
        data=data,
        data_images=real.count,
        weights=weights,
        fingerprint=folder.record.fingerprint,
        version=pds.__version__,
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        command=to_command({**folder.record.flags, **PLACES}),
    )
