"""The tables of the experiments of docs/theory.md, from those of `python -m tools.paired`."""

from collections.abc import Iterator
from functools import cache

import numpy as np

from pds.appearance import COARSE_BANDS
from pds.spectra import Array
from pds.theory.evolution import Content
from tools.counterfactual import OwnNoise, in_flat_places
from tools.theory_tables import (
    ARMS,
    Row,
    measured,
    predicted,
    predictor,
    rows,
    sampled,
    table,
    with_response,
)

FOLLOWED = ("vanilla", "pds:5")
"""Arms whose noise is shown level by level."""


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


def faded() -> str:
    """Return tau of the octaves of contrast of pictures faded by beta, by sigma."""
    cells: dict[str, dict[str, str]] = {}
    for row in rows("theory", "faded"):
        tau = " / ".join(f"{float(row[f'octave_{k}']):.2f}" for k in (1, 2, 3))
        cells.setdefault(row["sigma"], {})[row["beta"]] = tau
    betas = list(next(iter(cells.values())))
    lines = ((sigma, *found.values()) for sigma, found in cells.items())
    return table(("sigma", *(f"beta = {beta}" for beta in betas)), lines)


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
    """Return the recursion's noise over sigma at every scale, at its first call at sigma."""
    content = content_at(arm, sigma, count, size)
    return np.sqrt(in_flat_places(measured()[size], content.noise)) / sigma


def content_at(arm: str, sigma: float, count: int = 25, size: int = 32) -> Content:
    """Return picture and noise in the recursion's state, at its first call at sigma."""
    return next(content for level, content in _contents(arm, count, size) if level <= 1.001 * sigma)


@cache
def _contents(arm: str, count: int, size: int) -> list[tuple[float, Content]]:
    own = predictor(size)
    return own.evolution.contents(own.field.plan(arm, count).sampler)


def closed() -> str:
    """Return grain by the recursion with shares of fresh noise, and with those of own noise."""

    def line(arm: str) -> Iterator[object]:
        own = with_response(32, own_noise(arm)).of(arm, 25).grain
        (pairs,) = (row for row in rows("theory", "grain") if (row["arm"], row["N"]) == (arm, "25"))
        yield from (arm, f"{predicted(32, arm, 25).grain:.2f}", f"{own:.2f}")
        yield f"{float(pairs['grain']):.2f} ± {1.96 * float(pairs['error']):.2f}"
        yield f"{float(sampled()[32, arm, 25]['grain']):.2f}"

    titles = ("sampler, N = 25", "fresh noise", "the run's own noise", "runs in pairs", "sampled")
    return table(titles, map(line, ARMS[:-1]))


def own_noise(arm: str) -> OwnNoise:
    """Return the response with the shares of an arm's own noise at 32 px and N = 25."""
    ratio: dict[float, list[float]] = {}
    for row in rows("theory", "kept"):
        if row["arm"] == arm:
            share = float(row["own"]) / float(row["fresh"])
            ratio.setdefault(float(row["sigma"]), []).append(share)
    sigmas = sorted(ratio)
    return OwnNoise(measured()[32], np.array(sigmas), np.array([ratio[s] for s in sigmas]))


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
