"""The law of resolution: grain against iterations for networks of several sizes, beside theory.

law.csv has one row for each model, arm and N:

| column                      | meaning                                                          |
|-----------------------------|------------------------------------------------------------------|
| model, size, arm, N, images | the cell, and its pictures                                       |
| own_grain                   | of the network's own pictures, in pixel units                    |
| grain, contrast, fine_power | relative to the network's own pictures, with 95 % intervals      |
| frechet                     | distance to the network's own pictures, of as many images of     |
|                             | each cell as the cell of this N with the fewest has              |
| grain_data                  | grain relative to held-out pictures                              |
| vanilla_N                   | of equal grain, see `pds.evaluation.equivalence`                 |
| theory_grain                | exact for Gaussian data of the data's spectrum                   |
| predicted_grain,            | by state evolution with the network's response, see              |
| predicted_contrast          | `prediction`                                                     |

alpha.csv has, for each model and N of the scan, the alpha of the least exact error W2 of Gaussian
data; planted.csv one row for each model, N and level; survival.csv, for each model, level and
strength of white noise, the share of it that is kept in the finest flat places.

Grain is measured in single pixels: at the same frequencies in cycles a pixel for every size, and
relative to pictures of that size. Contrast is measured in cycles a picture.
"""

import csv
import io
import math
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, product

import numpy as np

from pds import theory
from pds.appearance import Relative
from pds.arms.samplers import Plan
from pds.evaluation import equivalence, planted
from pds.evaluation.equivalence import Match
from pds.evaluation.evidence import Evidence
from pds.evaluation.gaussian import ALPHAS, Field
from pds.evaluation.metrics import LEVEL, RESAMPLES, Interval, Reference
from pds.evaluation.planted import diagonal_weight
from pds.evaluation.prediction import Predictor
from pds.evaluation.resolution import SCAN_COUNTS, Record
from pds.evaluation.store import NETWORK, Cell
from pds.evaluation.subject import Subject
from pds.spectra import Array

METRICS = ("grain", "contrast", "fine_power")
ENDS = ("", "_low", "_high")

LAW = (
    *("model", "size", "own_grain", "arm", "N", "images", "diverged"),
    *(f"{metric}{end}" for metric in (*METRICS, "frechet", "grain_data") for end in ENDS),
    *("floor_low", "floor_high", "vanilla_N", "vanilla_N_low", "vanilla_N_high"),
    *("theory_grain", "predicted_grain", "predicted_contrast"),
)
ALPHA = ("model", "size", "N", "theory_alpha")
PLANTED = (
    *("model", "size", "N", "sigma", "strength"),
    *(f"{kind}{end}" for kind in ("network", "gaussian") for end in ENDS),
)
SURVIVAL = ("model", "size", "sigma", "strength", "survival")

SIGMAS = (0.5, 0.288, 0.161, 0.09, 0.051, 0.028, 0.016, 0.01)
STRENGTHS = (1.0, 1.25, 1.5, 2.0, 3.0, 5.0)
"""Levels and strengths of the noise in survival.csv."""


def tables(records: Sequence[Record], subjects: Sequence[Subject]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the CSV of every table of some models."""
    for name, columns, rows in (
        ("law", LAW, law),
        ("alpha", ALPHA, alpha_rows),
        ("planted", PLANTED, planted_rows),
        ("survival", SURVIVAL, survival_rows),
    ):
        every = (rows(*pair) for pair in zip(records, subjects, strict=True))
        yield name, _csv(columns, chain.from_iterable(every))


def law(record: Record, subject: Subject) -> Iterator[list[str]]:
    """Yield the rows of law.csv of a model; none before its own pictures are drawn."""
    cells = record.cells
    own, data = cells.get(NETWORK), record.features("data")
    if own is None or own.features is None:
        return
    size = subject.model.image_shape[-2:]
    drawn = {cell: measured for cell, measured in cells.items() if not cell.is_converged}
    network = Evidence("network", Reference(own.features, size), drawn)
    held_out = None if data is None else Evidence("data", Reference(data, size), drawn)
    matches = {m.cell: m for m in equivalence.matches(network) if m.metric == "grain"}
    own_grain = float(own.features.grain.mean())
    response = record.response
    predictor = None if response is None else Predictor(subject.field, response)
    for cell, measured in drawn.items():
        facts = [*map(str, cell), str(measured.images), str(measured.diverged)]
        plan = subject.field.plan(cell.arm, cell.num_steps)
        predicted = [theory_grain(subject.field, plan), *_predicted(predictor, plan)]
        yield [
            *_facts(subject),
            _number(own_grain),
            *facts,
            *_scores(network, cell, METRICS),
            *_scores(network, cell, ("frechet",), most=_fewest(network, cell.num_steps)),
            *_scores(held_out, cell, ("grain",)),
            *_floor(network, measured.images),
            *_match(matches.get(cell)),
            *map(_number, predicted),
        ]


def planted_rows(record: Record, subject: Subject) -> Iterator[list[str]]:
    """Yield the rows of planted.csv: grain left of planted noise, over that of noise of sigma."""
    if not record.is_planted:
        return
    for num_steps in planted.COUNTS:
        noise = record.planted(num_steps)
        for level, (sigma, strength) in enumerate(zip(noise.sigma, noise.strength, strict=True)):
            white, stronger, exact_white, exact_stronger = noise.grain[..., level]
            values = [*_ratio(stronger, white), *_ratio(exact_stronger, exact_white)]
            numbers = map(_number, (sigma, strength, *values))
            yield [*_facts(subject), str(num_steps), *numbers]


def survival_rows(record: Record, subject: Subject) -> Iterator[list[str]]:
    """Yield the rows of survival.csv of a model."""
    response = record.response
    if response is None:
        return
    for sigma, c in product(SIGMAS, STRENGTHS):
        kept = response.at(sigma, c, 0.0).noise[response.bands.num_octaves]
        yield [*_facts(subject), *map(_number, (sigma, c, float(kept)))]


def alpha_rows(record: Record, subject: Subject) -> Iterator[list[str]]:
    """Yield the rows of alpha.csv of a model."""
    field = subject.field
    errors = field.w2(np.stack([field.gain(alpha) for alpha in ALPHAS]), SCAN_COUNTS)
    for num_steps, best in zip(SCAN_COUNTS, errors.argmin(0), strict=True):
        yield [*_facts(subject), str(num_steps), _number(ALPHAS[best])]


def theory_grain(field: Field, plan: Plan) -> float:
    """Return the exact grain relative to the data's, for Gaussian data of the same spectrum.

    A Gaussian has no flat places: this is the standard deviation of all diagonal differences.
    """
    if plan.gain is None:
        return math.nan
    with np.errstate(over="ignore", invalid="ignore"):
        exact = theory.trajectory(field.data, plan.gain, field.model.sde, plan.sampler)
        (variance,) = deque(exact, maxlen=1)
    weight = diagonal_weight(field)
    planes = (theory.on_grid(field.data, v, *weight.shape) for v in (variance, field.data.power))
    after, before = (float((weight * plane).sum()) for plane in planes)
    return math.sqrt(after / before)


def _predicted(predictor: Predictor | None, plan: Plan) -> Relative:
    """Return grain and contrast by state evolution, if it can follow the sampler."""
    if predictor is None or plan.gain is None:
        return Relative(math.nan, math.nan)
    return predictor.of_sampler(plan.sampler)


def _facts(subject: Subject) -> list[str]:
    return [subject.name, str(subject.model.image_shape[-1])]


def _fewest(evidence: Evidence, num_steps: int) -> int:
    """Return the smallest number of images of the cells at N that can be compared."""
    counts = [evidence.count(cell) for cell in evidence.cells if cell.num_steps == num_steps]
    return min(filter(None, counts), default=0)


def _scores(
    evidence: Evidence | None, cell: Cell, metrics: Sequence[str], *, most: int = sys.maxsize
) -> list[str]:
    count = 0 if evidence is None else min(most, evidence.count(cell))
    if evidence is None or not count:
        return [""] * (len(ENDS) * len(metrics))
    draws = evidence.draws(cell, count)
    return [_number(value) for metric in metrics for value in draws[metric].interval()]


def _floor(evidence: Evidence, count: int) -> list[str]:
    return [_number(value) for value in evidence.floor(count)["grain"][1:]]


def _match(match: Match | None) -> list[str]:
    if match is None:
        return [""] * len(ENDS)
    return [match.bound(value) for value in (match.value, match.low, match.high)]


def _ratio(values: Array, others: Array) -> Interval:
    """Return the ratio of the means of two values for each picture, with a 95 % interval."""
    indices = _resamples(len(values))
    ratios = values[indices].mean(1) / others[indices].mean(1)
    low, high = np.percentile(ratios, LEVEL)
    return Interval(float(values.mean() / others.mean()), float(low), float(high))


def _resamples(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.intp]]:
    rng = np.random.default_rng(0)
    return rng.integers(count, size=(RESAMPLES, count))


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.5g}"


def _csv(names: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue().encode()
