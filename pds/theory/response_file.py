"""The file of a measured response: NAME.npz, which `pds response` writes.

size         height and width in pixels
sigmas, strengths, tilts, moments    see `pds.theory.MeasuredResponse`
fingerprint  of weights, masks and process, see `pds.evaluation.subject`
"""

import zipfile
from pathlib import Path

import numpy as np

from pds.files.arrays import read_npz, to_compressed_npz
from pds.files.writing import write
from pds.spectra import Array
from pds.theory.bands import Bands
from pds.theory.response import FEWEST, MeasuredResponse

GRIDS = ("sigmas", "strengths", "tilts")


def save(path: Path, response: MeasuredResponse, fingerprint: str) -> None:
    """Write a response to a file."""
    bands = response.bands
    arrays = {name: getattr(response, name) for name in GRIDS}
    size = np.array([bands.height, bands.width])
    moments = response.moments.astype(np.float32)
    arrays |= {"size": size, "moments": moments, "fingerprint": np.array(fingerprint)}
    write(path, to_compressed_npz(**arrays))


def load(path: Path, fingerprint: str | None = None) -> MeasuredResponse:
    """Read a response.

    Args:
        path: of the file.
        fingerprint: of the model that the response must belong to; None for any.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, or of another model.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no response at {path}; `pds response` writes NAME.npz")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is no .npz file; `pds response` writes NAME.npz")
    arrays = read_npz(path)
    names = ("size", *GRIDS, "moments", "fingerprint")
    if missing := [name for name in names if name not in arrays]:
        raise ValueError(f"{path} is no response of a network: it has no {', '.join(missing)}")
    if fingerprint is not None and str(arrays["fingerprint"]) != fingerprint:
        raise ValueError(
            f"{path} is the response of another network, or of other masks; measure this one with "
            "`pds response`"
        )
    try:
        bands = Bands(*arrays["size"].tolist())
        sigmas, strengths, tilts, moments = (arrays[name].astype(np.float64) for name in names[1:5])
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged ({error}); measure it again") from None
    if reason := _damage(bands, [sigmas, strengths, tilts], moments):
        raise ValueError(f"{path} is damaged ({reason}); measure it again")
    return MeasuredResponse(bands, sigmas, strengths, tilts, moments)


def _damage(bands: Bands, grids: list[Array], moments: Array) -> str:
    """Return what is wrong with the arrays of a response, "" if nothing is."""
    for name, values in zip(GRIDS, grids, strict=True):
        if values.ndim != 1 or not len(values) or not (np.diff(values) > 0).all():
            return f"its {name} do not ascend"
        if not np.isfinite(values).all() or (name != "tilts" and values[0] <= 0):
            return f"its {name} are not positive"
    expected = (*map(len, grids), len(bands.radius))
    if moments.ndim != 6 or moments.shape[0] != 6 or moments.shape[2:] != expected:
        return f"its moments have the shape {moments.shape}"
    if moments.shape[1] < FEWEST:
        return f"it is of {moments.shape[1]} images"
    return "" if np.isfinite(moments).all() else "its moments are not finite"
