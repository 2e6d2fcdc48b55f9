"""A record of FIDs as CSV: one row for each folder that was measured, in the order of measuring.

| column      | what it is                                                                  |
|-------------|-----------------------------------------------------------------------------|
| experiment  | name of the configuration file, or else of the checkpoint                   |
| N, sampler  | iterations, and the sampler by its name of `pds.arms.names`                 |
| fid, images | the distance, and of how many drawn pictures                                |
| data        | name of the folder or archive of the data set                               |
| data_images | pictures of it that were read                                               |
| weights     | first eight digits of the SHA-256 of Inception's weights                    |
| fingerprint | of checkpoint and filters, as pictures carry it                             |
| version     | of this package                                                             |
| date        | year-month-day, UTC                                                         |
| command     | that draws the pictures                                                     |
"""

import csv
import io
from pathlib import Path
from typing import NamedTuple

from pds.files.writing import write


class Measured(NamedTuple):
    """A row; the columns are those of the module, N is num_steps."""

    experiment: str
    num_steps: int
    sampler: str
    fid: float
    images: int
    data: str
    data_images: int
    weights: str
    fingerprint: str
    version: str
    date: str
    command: str


COLUMNS = tuple("N" if name == "num_steps" else name for name in Measured._fields)


def read(path: Path) -> list[Measured]:
    """Return the rows of a file, none if there is no such file.

    Raises:
        ValueError: if it is another file.
    """
    if not path.is_file():
        return []
    try:
        header, *rows = csv.reader(io.StringIO(path.read_text(encoding="utf-8")), strict=True)
        if tuple(header) != COLUMNS:
            raise ValueError
        return [_row(cells) for cells in rows]
    except (ValueError, TypeError, csv.Error):
        raise ValueError(
            f"{path} is not a record of FIDs, whose columns are {','.join(COLUMNS)}; choose "
            "another file"
        ) from None


def append(path: Path, row: Measured) -> None:
    """Add a row at the end of a file, which is made if there is none.

    Raises:
        ValueError: if it is another file.
        OSError: if it cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for measured in (*read(path), row):
        values = {**measured._asdict(), "fid": f"{measured.fid:.5g}"}
        writer.writerow(values.values())
    write(path, text.getvalue().encode())


def _row(cells: list[str]) -> Measured:
    row = Measured(*cells)  # type: ignore[arg-type]
    return row._replace(
        num_steps=int(row.num_steps),
        fid=float(row.fid),
        images=int(row.images),
        data_images=int(row.data_images),
    )
