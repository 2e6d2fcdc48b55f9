"""The tables of docs/theory.md, from measured responses and sampled pictures.

Reads docs/evidence/responses/portraitsSIZE.npz of `python -m pds response`, and the sampled grain
and contrast in docs/evidence/resolution.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from pds.appearance import COARSE_BANDS, Relative
from pds.evaluation.gaussian import field
from pds.evaluation.prediction import Predictor
from pds.theory import LinearResponse, MeasuredResponse, Response, response_file
from tools import few as few_samplers
from tools.browser import ROOT
from tools.counterfactual import Farther, MatchedOctaves, in_flat_places

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
TUNED = ("pds:5", "tuned", "ode-heun", "by-levels", "by-constant", "by-filter", "by-octaves")
TOLERANCE = 0.10
"""Largest relative error of a prediction that counts as correct."""

Row = dict[str, str]


def response_path(size: int) -> Path:
    """Return where the response of a network is."""
    return EVIDENCE / "responses" / f"portraits{size}.npz"


@cache
def measured() -> dict[int, MeasuredResponse]:
    """Return the responses that are there, by size."""
    paths = {size: response_path(size) for size in SIZES}
    return {size: response_file.load(path) for size, path in paths.items() if path.is_file()}


def with_response(size: int, response: Response) -> Predictor:
    """Return the predictor of a network that had this response."""
    return Predictor(field(f"portraits{size}"), response)


@cache
def predictor(size: int) -> Predictor:
    """Return the predictor of a network."""
    return with_response(size, measured()[size])


@cache
def gaussian(size: int) -> Predictor:
    """Return the predictor for Gaussian data of the same power."""
    response = measured()[size]
    return with_response(size, LinearResponse(response.bands, response.power))


@cache
def sampled() -> dict[tuple[int, str, int], Row]:
    """Return the sampled cells by size, arm and N."""
    law = rows("resolution", "law")
    return {(int(row["size"]), row["arm"], int(row["N"])): row for row in law}


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
    rows: list[Iterable[object]] = [titles, ["---"] * len(titles), *lines]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


def survival() -> str:
    """Return rho in the finest flat places, by size, sigma and c, and a linear denoiser's."""

    def line(size: int, sigma: float) -> Iterator[object]:
        def kept(c: float, response: Response) -> float:
            return float(in_flat_places(response, response.at(sigma, c, 0.0).noise)[0])

        yield from (f"{size} px", sigma)
        yield from (with_error(measured()[size], partial(kept, c)) for c in STRENGTHS)
        yield f"{kept(1.0, gaussian(size).response):.3f}"

    titles = ("size", "sigma", "noise of 1 x sigma", *(f"{c:g} x" for c in STRENGTHS[1:]))
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

    titles = ("size", "sigma", "noise of 1 x sigma", *(f"{c:g} x" for c in STRENGTHS[1:]))
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
        matched = with_response(size, MatchedOctaves(measured()[size]))
        own = predictor(size)
        power = matched.evolution.final(matched.field.plan(arm, count).sampler)
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


def tuned_by_network() -> str:
    """Return grain, contrast and Frechet distance of families tuned by a network's response."""
    found = {(row["size"], row["N"], row["arm"]): row for row in rows("theory", "tuned")}

    def line(size: str, count: str) -> Iterator[object]:
        other = next(
            arm
            for at, n, arm in found
            if (at, n) == (size, count) and arm.startswith("by-p") and arm.endswith("-levels")
        )
        yield from (f"{size} px", count)
        yield from (quality(found.get((size, count, arm))) for arm in (*TUNED, other))

    pairs = sorted({key[:2] for key in found}, key=lambda key: (int(key[1]), int(key[0])))
    families = ("levels", "constant", "filter", "octaves", "levels of another")
    titles = ("size", "N", "PDS", "tuned", "Heun", *families)
    return table(titles, (line(*pair) for pair in pairs))


def few() -> str:
    """Return the quality of `response` at few iterations beside that of others."""
    found = {(row["size"], row["N"], row["arm"]): row for row in rows("theory", "few")}

    def line(size: str, count: str) -> Iterator[object]:
        yield from (f"{size} px", count, found[size, count, "response"]["images"])
        yield from (quality(found[size, count, arm]) for arm in few_samplers.ARMS)

    pairs = sorted({key[:2] for key in found}, key=lambda key: (int(key[0]), int(key[1])))
    titles = ("size", "N", "images", "PDS", "tuned", "Heun", "response")
    return table(titles, (line(*pair) for pair in pairs))


def quality(row: Row | None) -> str:
    """Return grain, contrast and Frechet distance with its interval, "" if there are none."""
    if row is None:
        return ""
    numbers = " / ".join(f"{float(row[metric]):.2f}" for metric in ("grain", "contrast"))
    low, high = (f"{float(row[f'frechet_{end}']):.2g}" for end in ("low", "high"))
    return f"{numbers} / {float(row['frechet']):.2g} ({low} to {high})"


def farther() -> list[Predictor]:
    """Return predictors of 256 px from the smaller sizes, and of `FAR`; none without all sizes."""
    known = measured()
    if len(known) < len(SIZES):
        return []
    small, large = (known[32], known[64]), (known[128], known[256])
    return [
        with_response(128, Farther(known[128], (small,), 1)),
        with_response(256, Farther(known[256], (small, large), 2)),
    ]
