"""Tuned gains of the story's fields, recorded: it asks for those of all its counts at once."""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from pds import theory, tuned
from pds.experiments import ROOT
from pds.story import COUNTS, Array, Field, field

RECORDED = ROOT / "assets" / "tuned.json"


class Tuned(NamedTuple):
    """What is best at each of `COUNTS` for a field.

    gains: of each bin, (N, K).
    scalars: one for all frequencies, (N,).
    """

    gains: Array
    scalars: Array


def find(subject: Field, num_steps: int) -> tuple[Array, float]:
    """Tune the gain of a field's bins (K,), and the best scalar, for one N."""
    data, experiment = subject.data, subject.experiment
    sampler = experiment.sampler(num_steps)
    gain = tuned.radial_gain(experiment.frequency_mask, data, experiment.sde, sampler)
    return gain, theory.tune_scalar(data, experiment.sde, sampler)


def record(models: Iterable[str], path: Path = RECORDED) -> None:
    """Tune every count of every model and write the gains."""
    recorded = {}
    for model in models:
        found = [find(field(model), n) for n in tqdm(COUNTS, desc=model)]
        recorded[model] = {
            "gains": [[round(g, 5) for g in gain.tolist()] for gain, _ in found],
            "scalars": [round(scalar, 5) for _, scalar in found],
        }
    path.write_text(json.dumps(recorded, separators=(",", ":")) + "\n", encoding="utf-8")


@cache
def load(model: str) -> Tuned:
    """Return the recorded gains of a model.

    Raises:
        FileNotFoundError: if nothing is recorded for it.
    """
    values = json.loads(RECORDED.read_text("utf-8")).get(model) if RECORDED.is_file() else None
    if values is None:
        raise FileNotFoundError(
            f"no tuned gains of {model} in {RECORDED.name}; run python -m pds record --tuned"
        )
    return Tuned(np.array(values["gains"]), np.array(values["scalars"]))


@cache
def curves(model: str) -> dict[str, Array]:
    """Return the errors at each of `COUNTS` of the best scalar and of the tuned gain."""
    subject, best = field(model), load(model)
    return {
        "best scalar": subject.w2_of(best.scalars[:, None]),
        "tuned": subject.w2_of(best.gains),
    }
