"""Recorded gains and tuned samplers at every N of the tab "Why few steps fail".

Its curves show all N at once, and tuning takes up to some seconds for each.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from pds import theory
from pds.evaluation.gaussian import COUNTS, Array, Field, field
from pds.files.shipped import ROOT
from pds.files.writing import write
from pds.kernels import Langevin
from pds.sampling import PredictorCorrector
from pds.theory import tuned

RECORDED = ROOT / "assets" / "tuned.json"


class Tuned(NamedTuple):
    """The best gains and samplers of a field at each of `COUNTS`.

    gains: of each bin, (N, K), on the published noise levels.
    scalars: one gain for all frequencies, (N,), on the published noise levels.
    levels: lowest sigma, highest sigma and snr, (N, 3), without a gain.
    """

    gains: Array
    scalars: Array
    levels: Array


def find(subject: Field, num_steps: int) -> tuple[Array, float, tuple[float, float, float]]:
    """Tune the gain of a field's bins (K,), the best scalar, and the levels, for one N."""
    data, model = subject.data, subject.model
    sampler = model.sampler(num_steps)
    gain = tuned.radial_gain(model.frequency_mask, data, model.sde, sampler)
    best = model.tuned(num_steps)
    assert isinstance(best.corrector, Langevin) and best.sigmas is not None
    scalar = theory.tune_scalar(data, model.sde, sampler)
    return gain, scalar, (*best.sigmas, best.corrector.snr)


def record(models: Iterable[str], path: Path = RECORDED) -> None:
    """Tune every count of every model and write the results."""
    recorded = {}
    for model in models:
        tuned_counts = [find(field(model), n) for n in tqdm(COUNTS, desc=model)]
        recorded[model] = {
            "gains": [[round(g, 5) for g in gain.tolist()] for gain, _, _ in tuned_counts],
            "scalars": [round(scalar, 5) for _, scalar, _ in tuned_counts],
            "levels": [levels for _, _, levels in tuned_counts],
        }
    write(path, json.dumps(recorded, separators=(",", ":")).encode() + b"\n")


@cache
def load(model: str) -> Tuned:
    """Return the record of a model.

    Raises:
        FileNotFoundError: if there is none.
    """
    values = json.loads(RECORDED.read_text("utf-8")).get(model) if RECORDED.is_file() else None
    if values is None:
        raise FileNotFoundError(
            f"no record of {model} in {RECORDED.name}; run python -m pds record --tuned"
        )
    return Tuned(*(np.array(values[name]) for name in Tuned._fields))


def samplers(model: str) -> list[PredictorCorrector]:
    """Return the tuned sampler at each of `COUNTS`."""
    return [
        _with(field(model).model.sampler(n), *levels)
        for n, levels in zip(COUNTS, load(model).levels.tolist(), strict=True)
    ]


@cache
def curves(model: str) -> dict[str, Array]:
    """Return the errors at each of `COUNTS` of the best constant gain, the best gain and tuned."""
    subject, best = field(model), load(model)
    data, sde = subject.data, subject.model.sde
    ones = np.ones(len(data.power))
    return {
        "best constant": subject.w2_of(best.scalars[:, None]),
        "best gain": subject.w2_of(best.gains),
        "tuned": theory.w2(data, theory.variances(data, ones, sde, samplers(model))),
    }


def _with(
    sampler: PredictorCorrector, lowest: float, highest: float, snr: float
) -> PredictorCorrector:
    corrector = Langevin(snr, snr_norm="sample")
    return replace(sampler, sigmas=(lowest, highest), corrector=corrector)
