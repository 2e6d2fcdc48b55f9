"""The tables of docs/theory.md, from measured responses, sampled pictures and experiments.

Reads docs/evidence/responses/portraitsSIZE.npz of `python -m pds response`, the sampled grain and
contrast in docs/evidence/resolution, and docs/evidence/theory/*.csv of `python -m tools.paired`.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from pds.appearance import COARSE_BANDS, Relative
from pds.evaluation import responses
from pds.evaluation.gaussian import field
from pds.evaluation.prediction import Predictor
from pds.spectra import Array
from pds.theory import LinearResponse, MeasuredResponse, Response
from pds.theory.evolution import Content
from tools.browser import ROOT
from tools.counterfactual import AsKept, AsTold, Farther, in_flat_places

EVIDENCE = ROOT / "docs" / "evidence"
SIZES = (32, 64, 128, 256)
FAR = 1024
"""Pixels of the paper's figure, to which responses are extrapolated."""

ARMS = ("vanilla", "pds:5", "scalar", "tuned", "ode-heun")
COUNTS = (200, 100, 66, 50, 40, 33, 25)
STRENGTHS = (1.0, 1.2, 1.5, 2.0)
FINE_SIGMAS = (0.288, 0.161, 0.09, 0.051, 0.028)
COARSE_SIGMAS = (4.0, 2.0, 1.0, 0.5)
FOLLOWED_SIGMAS = (2.0, 0.5, 0.2, 0.1, 0.05, 0.025)
CAUSES = (("vanilla", 40), ("vanilla", 25), ("pds:5", 40), ("pds:5", 25), ("tuned", 25))
FOLLOWED = ("vanilla", "pds:5")
TOLERANCE = 0.10
"""Predictions within so much of the sampled value are counted."""

Row = dict[str, str]


def response_path(size: int) -> Path:
    """Return where the response of a network is."""
    return EVIDENCE / "responses" / f"portraits{size}.npz"


@cache
def measured() -> dict[int, MeasuredResponse]:
    """Return the responses that are there, by size."""
    paths = {size: response_path(size) for size in SIZES}
    return {size: responses.load(path) for size, path in paths.items() if path.is_file()}


def predictor(size: int, response: Response | None = None) -> Predictor:
    """Return the predictor of a network, with another response if one is given."""
    return Predictor(field(f"portraits{size}"), measured()[size] if response is None else response)


def gaussian(size: int) -> Predictor:
    """Return the predictor for Gaussian data of the same power."""
    response = measured()[size]
    return predictor(size, LinearResponse(response.bands, response.power))


@cache
def sampled() -> dict[tuple[int, str, int], Row]:
    """Return the sampled cells by size, arm and N; those of the most pictures."""
    cells = {}
    for name in ("law", "gpu"):
        for row in rows("resolution", name):
            cells[int(row["size"]), row["arm"], int(row["N"])] = row
    return cells


def rows(folder: str, name: str) -> list[Row]:
    """Return the rows of a file of the evidence."""
    with (EVIDENCE / folder / f"{name}.csv").open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def with_error(response: MeasuredResponse, value: Callable[[MeasuredResponse], float]) -> str:
    """Return a value of a response and the half-width of its 95 % interval, by the jackknife."""
    n = response.num_pictures
    kept = (np.arange(n) != i for i in range(n))
    without = [value(replace(response, moments=response.moments[:, k])) for k in kept]
    return f"{value(response):.3f} ± {1.96 * np.sqrt(np.var(without) * (n - 1)):.3f}"


def table(titles: Iterable[object], lines: Iterable[Iterable[object]]) -> str:
    """Return a table in Markdown."""
    titles = list(titles)
    every = [titles, ["---"] * len(titles), *lines]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in every)


def survival() -> str:
    """Return rho in the finest flat places, by size, sigma and c, and a linear denoiser's."""

    def line(size: int, sigma: float) -> Iterator[object]:
        def kept(c: float, response: Response) -> float:
            return float(in_flat_places(response, response.at(sigma, c, 0.0).noise)[0])

        yield from (f"{size} px", sigma)
        yield from (with_error(measured()[size], partial(kept, c)) for c in STRENGTHS)
        yield f"{kept(1.0, gaussian(size).response):.3f}"

    titles = ("size", "sigma", "noise as told", *(f"{c:g} x" for c in STRENGTHS[1:]))
    return table(
        [*titles, "linear, any"], (line(size, s) for size in measured() for s in FINE_SIGMAS)
    )


def coarse() -> str:
    """Return tau of the three octaves of contrast, by size, sigma and c, and a linear one's."""

    def octaves(response: Response, sigma: float, c: float) -> str:
        values = response.at(sigma, c, 0.0).picture[1 : 1 + len(COARSE_BANDS)]
        return " / ".join(f"{value:.2f}" for value in values)

    def line(size: int, sigma: float) -> Iterator[object]:
        yield from (f"{size} px", f"{sigma:g}")
        yield from (octaves(measured()[size], sigma, c) for c in STRENGTHS)
        yield octaves(gaussian(size).response, sigma, 1.0)

    titles = ("size", "sigma", "noise as told", *(f"{c:g} x" for c in STRENGTHS[1:]))
    return table(
        [*titles, "linear, any"], (line(size, s) for size in measured() for s in COARSE_SIGMAS)
    )


def accuracy(metric: str) -> str:
    """Return predicted / sampled grain or contrast; for contrast then the Gaussian recursion's."""

    def cell(size: int, arm: str, count: int) -> str:
        if (size, arm, count) not in sampled():
            return ""
        values = [getattr(predicted(size, arm, count), metric)]
        values.append(float(sampled()[size, arm, count][metric]))
        if metric == "contrast":
            values.append(gaussian(size).of(arm, count).contrast)
        text = " / ".join(f"{value:.2f}" for value in values)
        return text if abs(values[0] / values[1] - 1) <= TOLERANCE else f"*{text}*"

    def line(size: int, arm: str) -> Iterator[object]:
        yield from (f"{size} px", arm)
        yield from (cell(size, arm, count) for count in COUNTS)

    lines = (line(size, arm) for size in measured() for arm in ARMS)
    return table(("size", "sampler", *(f"N = {count}" for count in COUNTS)), lines)


@cache
def predicted(size: int, arm: str, count: int) -> Relative:
    """Return the predicted grain and contrast of a cell."""
    return predictor(size).of(arm, count)


def within() -> str:
    """Return how many cells are predicted within a tenth, and the farthest, by sampler."""

    def line(name: str, metric: str, sizes: Iterable[int]) -> Iterator[object]:
        sizes, every = list(sizes), []
        yield from (name, metric)
        for arm in ARMS:
            ratios = [ratio for size in sizes for ratio in off(size, arm, metric)]
            every += ratios
            yield f"{_counted(ratios)} ({max(ratios, key=lambda r: abs(np.log(r))) - 1:+.0%})"
        yield _counted(every)

    each = [(f"{size} px", [size]) for size in measured()] + [("all", list(measured()))]
    lines = (line(name, metric, of) for metric in ("grain", "contrast") for name, of in each)
    return table(("size", "of", *ARMS, "all"), lines)


def off(size: int, arm: str, metric: str) -> list[float]:
    """Return predicted over sampled grain or contrast at every N of a sampler."""
    cells = [cell for cell in sampled() if cell[:2] == (size, arm) and cell[2] in COUNTS]
    return [getattr(predicted(*c), metric) / float(sampled()[c][metric]) for c in cells]


def _counted(ratios: list[float]) -> str:
    return f"{sum(abs(ratio - 1) <= TOLERANCE for ratio in ratios)} of {len(ratios)}"


def cause() -> str:
    """Return contrast by the recursion with tau as measured, with tau at c = 1, and Gaussian."""

    def line(size: int, arm: str, count: int) -> Iterator[object]:
        told = predictor(size, AsTold(measured()[size]))
        own = predictor(size)
        power = told.evolution.final(told.field.plan(arm, count).sampler)
        yield from (
            f"{size} px",
            arm,
            count,
            f"{float(sampled()[size, arm, count]['contrast']):.2f}",
        )
        contrasts = own.of(arm, count), own.relative(power), gaussian(size).of(arm, count)
        yield from (f"{found.contrast:.2f}" for found in contrasts)

    titles = ("size", "sampler", "N", "sampled", "tau at c", "tau at c = 1", "Gaussian")
    return table(titles, (line(size, *of) for size in measured() for of in CAUSES))


def along() -> str:
    """Return the power of runs in the octaves of contrast over the recursion's, by level."""
    octaves = slice(1, 1 + len(COARSE_BANDS))
    cells: dict[float, dict[str, str]] = {}
    for row in rows("theory", "coarse"):
        sigma, arm = float(row["sigma"]), row["arm"]
        run = np.array([float(row[f"octave_{k}"]) for k in (1, 2, 3)])
        content = content_at(arm, sigma) if sigma else None
        if content is None:
            own = predictor(32)
            power = own.evolution.final(own.field.plan(arm, 25).sampler)
        else:
            power = content.picture + content.noise
        ratio = run / power[octaves]
        cells.setdefault(sigma, {})[arm] = " / ".join(f"{value:.2f}" for value in ratio)
    arms = list(dict.fromkeys(row["arm"] for row in rows("theory", "coarse")))
    lines = ((f"{s:.3g}", *(cells[s][a] for a in arms)) for s in sorted(cells, reverse=True))
    return table(("sigma", *arms), lines)


def strengths(size: int = 64) -> str:
    """Return c in the finest flat places along runs, at some levels of sigma."""

    def line(arm: str, count: int) -> Iterator[object]:
        predicting = predictor(size)
        contents = predicting.evolution.contents(predicting.field.plan(arm, count).sampler)
        sigmas = np.log([sigma for sigma, _ in contents])
        yield from (count, arm)
        for sigma in FOLLOWED_SIGMAS:
            nearest = int(np.abs(sigmas - np.log(sigma)).argmin())
            yield f"{contents[nearest][1].c:.2f}"

    lines = (line(arm, count) for count in (40, 25) for arm in ARMS[:-1])
    return table(("N", "sampler", *(f"sigma {sigma:g}" for sigma in FOLLOWED_SIGMAS)), lines)


def pairs() -> str:
    """Return the grain of runs in pairs beside sampled and predicted grain."""

    def line(row: Row) -> Iterator[object]:
        cell = 32, row["arm"], int(row["N"])
        yield from (row["N"], row["arm"])
        yield f"{float(row['grain']):.2f} ± {1.96 * float(row['error']):.2f}"
        yield f"{float(sampled()[cell]['grain']):.2f}"
        yield f"{predicted(*cell).grain:.2f}"

    titles = ("N", "sampler", "runs in pairs", "sampled", "recursion")
    return table(titles, map(line, rows("theory", "grain")))


def kept() -> str:
    """Return shares of a run's own noise and of fresh noise, by level and scale."""
    cells: dict[tuple[str, float], list[str]] = {}
    for row in rows("theory", "kept"):
        own, own_error, fresh, fresh_error = (
            float(row[name]) for name in ("own", "own_error", "fresh", "fresh_error")
        )
        error = 1.96 * np.hypot(own_error / own, fresh_error / fresh) * own / fresh
        key = row["arm"], float(row["sigma"])
        text = f"{own:.3f} / {fresh:.3f} ({own / fresh:.2f} ± {error:.2f})"
        cells.setdefault(key, []).append(text)
    shown = ((key, text) for key, text in cells.items() if key[0] in FOLLOWED)
    titles = ("sampler", "sigma", "1 px", "2 px", "4 px")
    return table(titles, ((arm, f"{sigma:.3f}", *text) for (arm, sigma), text in shown))


def scales() -> str:
    """Return the noise of runs in pairs over sigma, and the recursion's, by level and scale."""
    cells: dict[tuple[str, float], list[str]] = {}
    for row in rows("theory", "kept"):
        key = row["arm"], float(row["sigma"])
        noise = noise_at(*key)[len(cells.setdefault(key, []))]
        cells[key].append(f"{float(row['strength']):.2f} / {noise:.2f}")
    sigmas = sorted({sigma for arm, sigma in cells if arm in FOLLOWED}, reverse=True)
    lines = ((f"{s:.3f}", *(t for arm in FOLLOWED for t in cells[arm, s])) for s in sigmas)
    return table(("sigma", *(f"{arm}, {k} px" for arm in FOLLOWED for k in (1, 2, 4))), lines)


def noise_at(arm: str, sigma: float, count: int = 25, size: int = 32) -> Array:
    """Return the recursion's noise over sigma at every scale, where the run is at sigma."""
    content = content_at(arm, sigma, count, size)
    return np.sqrt(in_flat_places(measured()[size], content.noise)) / sigma


def content_at(arm: str, sigma: float, count: int = 25, size: int = 32) -> Content:
    """Return what the recursion has in a state, at the first call at sigma."""
    own = predictor(size)
    contents = own.evolution.contents(own.field.plan(arm, count).sampler)
    return next(content for level, content in contents if level <= 1.001 * sigma)


def closed() -> str:
    """Return grain by the recursion with shares of fresh noise, and with those of own noise."""

    def line(arm: str) -> Iterator[object]:
        own = predictor(32, as_kept(arm)).of(arm, 25).grain
        (pairs,) = (row for row in rows("theory", "grain") if (row["arm"], row["N"]) == (arm, "25"))
        yield from (arm, f"{predicted(32, arm, 25).grain:.2f}", f"{own:.2f}")
        yield f"{float(pairs['grain']):.2f} ± {1.96 * float(pairs['error']):.2f}"
        yield f"{float(sampled()[32, arm, 25]['grain']):.2f}"

    titles = ("sampler, N = 25", "fresh noise", "the run's own noise", "runs in pairs", "sampled")
    return table(titles, map(line, ARMS[:-1]))


def as_kept(arm: str) -> AsKept:
    """Return the response with the shares of an arm's own noise at 32 px and N = 25."""
    ratio: dict[float, list[float]] = {}
    for row in rows("theory", "kept"):
        if row["arm"] == arm:
            share = float(row["own"]) / float(row["fresh"])
            ratio.setdefault(float(row["sigma"]), []).append(share)
    sigmas = sorted(ratio)
    return AsKept(measured()[32], np.array(sigmas), np.array([ratio[s] for s in sigmas]))


def flat() -> str:
    """Return the noise of ordinary runs over sigma, and the recursion's, by level."""
    lines = (
        (
            *(row["N"], row["arm"], f"{float(row['sigma']):.3f}"),
            *(
                f"{float(row[f'scale_{k}']):.2f} / {noise:.2f}"
                for k, noise in zip(
                    (1, 2, 4),
                    noise_at(row["arm"], float(row["sigma"]), int(row["N"])),
                    strict=True,
                )
            ),
        )
        for row in rows("theory", "flat")
        if row["N"] == "25"
    )
    return table(("N", "sampler", "sigma", "1 px", "2 px", "4 px"), lines)


def resolution() -> str:
    """Return predicted / sampled grain by size, and that of responses extrapolated."""
    known = measured()

    def line(arm: str, count: int) -> Iterator[object]:
        yield from (arm, count)
        for size in known:
            found = sampled().get((size, arm, count))
            drawn = f" / {float(found['grain']):.2f}" if found else ""
            yield f"{predicted(size, arm, count).grain:.2f}{drawn}"
        for far in farther():
            yield f"{far.of(arm, count).grain:.2f}"

    titles = ["sampler", "N", *(f"{size} px" for size in known)]
    titles += ["256 px from the smaller ones", f"**{FAR} px, extrapolated**"]
    shown = titles[: 2 + len(known) + len(farther())]
    return table(shown, (line(arm, n) for arm in ARMS[:-1] for n in (66, 40, 25)))


def farther() -> list[Predictor]:
    """Return predictors of 256 px from the smaller sizes, and of `FAR`; none without all sizes."""
    known = measured()
    if len(known) < len(SIZES):
        return []
    small, large = (known[32], known[64]), (known[128], known[256])
    return [
        predictor(128, Farther(known[128], (small,), 1)),
        predictor(256, Farther(known[256], (small, large), 2)),
    ]
