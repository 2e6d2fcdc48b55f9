"""How the arm `response` gets its settings: from the response of a network, or from a record.

A record holds the settings of a shipped model at many N, since the search takes seconds:

    {"portraits32": {"N": [2, 3, ...], "settings": [[lowest, highest, snr, gain, ...], ...]}}
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from pds.files.digest import digest
from pds.files.shipped import ROOT
from pds.kernels import Langevin, ReverseDiffusion
from pds.sampling import PredictorCorrector
from pds.sde import SDE
from pds.spectra import Array
from pds.theory import Evolution, LinearResponse, MeasuredResponse, network_tuning
from pds.theory.network_tuning import Settings

RECORDED = ROOT / "assets" / "network_tuned.json"


class TunedToNetwork(Protocol):
    """Returns the settings that are best for a network at the N of a published sampler."""

    def __call__(self, published: PredictorCorrector) -> Settings: ...

    @property
    def fingerprint(self) -> str:
        """A hash of what the settings follow from."""
        ...


@dataclass(frozen=True, eq=False)
class Searched:
    """Searches the settings with a response; the latest 32 are remembered.

    Args:
        response: of the network.
        sde: its process.
        image_shape: (C, H, W).
        mean: about that of the data's values, in the network's range.

    Raises:
        ValueError: if the response is of pictures of another size.
    """

    response: LinearResponse | MeasuredResponse
    sde: SDE
    image_shape: tuple[int, int, int]
    mean: float

    def __post_init__(self) -> None:
        bands, (_, *size) = self.response.bands, self.image_shape
        if [bands.height, bands.width] != size:
            raise ValueError(
                f"the response is of images of {bands.height} x {bands.width} pixels, and the "
                f"network's have {size[0]} x {size[1]}; measure its own with `pds response`"
            )

    def __call__(self, published: PredictorCorrector) -> Settings:
        return self._search(published)

    @property
    def fingerprint(self) -> str:
        values = (getattr(self.response, f.name) for f in fields(self.response))
        return digest(torch.from_numpy(v) for v in values if isinstance(v, np.ndarray))

    @cached_property
    def evolution(self) -> Evolution:
        """The state evolution that the search is made with."""
        return Evolution(self.response, self.sde)

    @cached_property
    def _search(self) -> Callable[[PredictorCorrector], Settings]:
        family = network_tuning.octaves(self.image_shape)
        tune = partial(network_tuning.tune, self.evolution, family=family, mean=self.mean)
        return lru_cache(maxsize=32)(tune)


@dataclass(frozen=True, eq=False)
class Recorded:
    """Settings from a record, between whose N they are linear in logarithms.

    Args:
        counts: N, ascending, (n,).
        settings: lowest and highest sigma, snr and gains, (n, 3 + P).

    Raises:
        ValueError: for arrays of other shapes, or values that are not positive.
    """

    counts: Array
    settings: Array

    def __post_init__(self) -> None:
        fits = self.settings.ndim == 2 and len(self.settings) == len(self.counts) > 0
        if not fits or self.settings.shape[1] < 4 or not (np.diff(self.counts) > 0).all():
            raise ValueError("it does not list settings by ascending N")
        if not (np.isfinite(self.settings) & (self.settings > 0)).all():
            raise ValueError("its settings are not positive numbers")

    def __call__(self, published: PredictorCorrector) -> Settings:
        """Return the settings at N; below and above the record they are those of its ends.

        Raises:
            ValueError: for other kernels than the published ones, which they were found for.
        """
        kernels = type(published.predictor), type(published.corrector)
        if kernels != (ReverseDiffusion, Langevin) or published.num_corrector_steps != 1:
            raise ValueError(
                "the sampler that is tuned to the network is known for one step of predictor and "
                "corrector in each iteration; leave the corrector's steps as they are"
            )
        log_counts, place = np.log(self.counts), np.log(published.num_steps)
        columns = np.log(self.settings).T
        lowest, highest, snr, *gain = np.exp([np.interp(place, log_counts, c) for c in columns])
        return Settings(float(lowest), float(highest), float(snr), tuple(map(float, gain)))

    @property
    def fingerprint(self) -> str:
        return digest([torch.from_numpy(self.counts), torch.from_numpy(self.settings)])


def recorded(model: str, path: Path = RECORDED) -> Recorded | None:
    """Return the record of a shipped model, None if there is none.

    Raises:
        ValueError: if the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        record: Any = json.loads(path.read_text("utf-8"))
        if not isinstance(record, dict):
            raise ValueError("it does not list models")
        if model not in record:
            return None
        columns = (np.array(record[model][name], dtype=float) for name in ("N", "settings"))
        return Recorded(*columns)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path.name} is damaged: {error}; restore it from the repository"
        ) from None
