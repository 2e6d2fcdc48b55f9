"""Steps 2 to 6 of the story: from controls to figures and sentences of Gaussian images."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from pds.evaluation import gaussian, octaves, tuned_record
from pds.evaluation.gaussian import Array, Field
from pds.evaluation.octaves import Octave, Wall
from pds.files.pictures import to_uint8 as shown
from pds.limits import MAX_STEPS
from pds.web.sentences import error, number, ratio, share
from pds.web.server.messages import Message, picture
from pds.web.tabs.story import figures
from pds.web.tabs.story.values import require_alpha, require_number, require_stop

ITERATIONS = (*range(1, 67), *(round(66 * 2 ** (j / 20)) for j in range(1, 98)), MAX_STEPS)
"""Stops of the sliders of two runs: each number up to 66, then 20 per octave."""
OCTAVE_STD = 0.17
"""Standard deviation at which an octave is shown; the range from black to white is 1."""
LAST_SIGMA = 0.009
"""Position of sigma = 0, the end of a run, on a logarithmic axis."""


def octaves_view(field: Field, values: Mapping[str, Any]) -> Message:
    """Show the octaves of a picture with the noise of a sigma in each, and its best guess."""
    sigma = require_number(values, "sigma", 0.01, 1348)
    at = octaves.wall(field, sigma)
    std, size = float(at.clean.std()), field.power.shape[-1]
    parts = octaves.take_apart(field, at)
    names = [f"octave{j}" for j in range(len(parts))]
    traces = figures.octave_traces(size * field.data.radius, np.sqrt(field.data.power), sigma)
    pictures = {
        "clean": _picture(at.clean, 0.0, std),
        "noisy": _picture(at.noisy, sigma, std),
        "guess": _picture(at.guess, 0.0, std),
    }
    return {
        "plots": {"octaves": traces},
        "text": {"octaves": _wall_sentence(at, parts)}
        | {n: _octave_label(o, sigma) for n, o in zip(names, parts, strict=True)},
        "images": pictures | {n: _octave_picture(o) for n, o in zip(names, parts, strict=True)},
        "drowned": [octave.power <= sigma**2 for octave in parts],
    }


def _wall_sentence(at: Wall, parts: Sequence[Octave]) -> str:
    above = [octave for octave in parts if octave.power > at.sigma**2]
    if not above:
        where = "the noise drowns every octave"
    elif len(above) == len(parts):
        where = "every octave is stronger than the noise"
    else:
        where = f"the octaves below {above[-1].high} cycles per image are stronger than the noise"
    removed = share(at.removed)
    if at.radius == 0:
        return f"At sigma = {number(at.sigma)} {where}. The best guess removes {removed} of it."
    return (
        f"At sigma = {number(at.sigma)} {where}. {share(at.share)} of all waves are stronger than "
        f"the noise. The best guess keeps mostly these, and so removes {removed} of the noise."
    )


def _octave_label(octave: Octave, sigma: float) -> str:
    """Name an octave, and say how its power compares with the noise's."""
    name = f"{octave.low} and finer" if octave.high is None else f"{octave.low} to {octave.high}"
    return f"{name}: {_compared(octave.power / sigma**2)}"


def _compared(power: float) -> str:
    if power > 1:
        return f"data {ratio(power)} the noise"
    return f"drowned, noise {ratio(1 / power)} the data"


def _octave_picture(octave: Octave) -> str:
    """Show an octave with its noise around middle gray, at its own contrast.

    Fine octaves have 32 levels of brightness, which makes the file a third smaller and is invisible
    in noise.
    """
    std = math.hypot(octave.std, octave.noise_std)
    pixels = shown((0.5 + OCTAVE_STD / std * octave.noisy[None]).float().numpy())[0]
    return picture(pixels if octave.low < 8 else pixels // 8 * 8 + 4)


def lag_view(field: Field, values: Mapping[str, Any]) -> Message:
    """Show how far one frequency lags behind the falling noise, for several N."""
    radius = gaussian.RADII[require_stop(values, "radius", gaussian.RADII)]
    alpha = require_alpha(values) if values.get("sampler") == "PDS" else None
    at, column = gaussian.ring(field, radius), gaussian.RADII.index(radius)
    wall, runs, final, largest = math.sqrt(field.rings.power[at]), [], [], []
    for n in gaussian.RUNS:
        sigma, std = gaussian.lag(field, alpha, n)
        relative = std[:, column] / np.hypot(wall, sigma)
        kept = np.unique(np.linspace(0, n - 1, 60).round().astype(int))
        runs.append((n, np.maximum(sigma, LAST_SIGMA)[kept], relative[kept]))
        final.append(f"{relative[-1]:.2f} at N = {number(n)}")
        largest.append(f"{relative.max():.2f}")
    name = "vanilla" if alpha is None else f"PDS at alpha = {number(alpha)}"
    return {
        "plots": {"lag": figures.lag_traces(runs, wall)},
        "text": {
            "lag": f"At {number(radius)} cycles per pixel, {name} ends with {', '.join(final)} "
            f"times the standard deviation of the data. During the run it is up to "
            f"{', '.join(largest)} times what it should be."
        },
    }


def controls_view(field: Field, values: Mapping[str, Any]) -> Message:
    """Show the error against N, with controls and the crossover."""
    alpha, chosen = require_alpha(values), require_stop(values, "num_steps", gaussian.COUNTS)
    table = gaussian.errors(field, alpha)
    curves = table.curves | tuned_record.curves(values["model"])
    n = table.counts[chosen]
    at = {name: float(curve[chosen]) for name, curve in curves.items()}
    return {
        "plots": {"controls": figures.control_traces(table.counts, curves, table.crossings, n)},
        "text": {"controls": _errors_sentence(n, alpha, at, table.crossings)},
    }


def _errors_sentence(n: int, alpha: float, at: Mapping[str, float], crossings: list[float]) -> str:
    vanilla, pds = at["vanilla"], at["PDS"]
    better = "PDS" if pds < vanilla else "vanilla"
    sentence = (
        f"At N = {number(n)} and alpha = {number(alpha)} the error is {error(vanilla)} for vanilla "
        f"and {error(pds)} for PDS: {better} is "
        f"{ratio(max(vanilla, pds) / min(vanilla, pds))} closer."
    )
    rivals = [name for name in at if name not in ("vanilla", "PDS") and at[name] < pds]
    if rivals:
        closer = ", ".join(
            f"{name} {error(at[name])}" for name in sorted(rivals, key=at.__getitem__)
        )
        sentence += f" Closer than PDS: {closer}."
    else:
        sentence += " None of the others comes closer than PDS."
    if not crossings:
        return f"{sentence} Vanilla and PDS do not cross."
    places = " and ".join(f"{place:.0f}" for place in crossings)
    return f"{sentence} Vanilla and PDS cross at N = {places}."


def map_view(field: Field, values: Mapping[str, Any]) -> Message:
    """Show where in the plane of N and alpha PDS is better than vanilla."""
    row = require_stop(values, "alpha", gaussian.ALPHAS)
    column = require_stop(values, "num_steps", gaussian.COUNTS)
    grid = gaussian.advantage(field)
    here = (gaussian.COUNTS[column], gaussian.ALPHAS[row])
    return {
        "plots": {"map": figures.map_traces(gaussian.COUNTS, gaussian.ALPHAS, grid, here)},
        "text": {"map": _map_sentence(*here, grid[row, column], grid[:, column])},
    }


def _map_sentence(n: int, alpha: float, here: float, column: Array) -> str:
    times = ratio(10 ** min(abs(here), 300))
    sentence = f"At N = {number(n)} and alpha = {number(alpha)} "
    if here > 0:
        sentence += f"the error of PDS is {times} smaller than vanilla's."
    else:
        sentence += f"the error of PDS is {times} larger than vanilla's."
    better = np.flatnonzero(column > 0)
    if not len(better):
        return f"{sentence} At this N no alpha of the map helps."
    best = gaussian.ALPHAS[int(column.argmax())]
    sentence += (
        f" At this N the best alpha is {best:g}: its error is {ratio(10 ** column.max())} smaller "
        "than vanilla's."
    )
    diverged = np.flatnonzero(column < figures.DIVERGED)
    if len(diverged):
        edge = gaussian.ALPHAS[diverged[-1]]
        sentence += f" At alpha = {edge:g} and below its steps are too long and it diverges."
    return sentence


def clocks_view(field: Field, values: Mapping[str, Any]) -> Message:
    """Compare iteration k of a run of N with the end of a run of k."""
    total = int(require_number(values, "num_steps", 2, MAX_STEPS))
    iteration = min(int(require_number(values, "iteration", 1, MAX_STEPS)), total)
    two = gaussian.clocks(field, total, iteration)
    names = (f"a run of {total}", f"a run of {iteration}")
    std = float(field.power.sum().sqrt()) / field.power.shape[-1]
    sigma = float(two.sigmas[0][iteration - 1])
    return {
        "plots": {"clocks": figures.clock_traces(two.sigmas, names, iteration)},
        "layouts": {"clocks": {"xaxis": {"range": [0, total]}}},
        "text": {
            "clocks": f"After {iteration} of {total} iterations sigma is still {sigma:.3g}; a run "
            f"of {iteration} is finished then. The power of fine detail is {_left(two.left[0])} "
            f"the data's in the stopped run and {_left(two.left[1])} in the short one."
        },
        "images": {
            "long": _picture(two.pictures[0], sigma, std),
            "short": _picture(two.pictures[1], 0.0, std),
        },
    }


def _left(noise_left: float) -> str:
    return ratio(noise_left) if noise_left >= 0.95 else f"{noise_left:.2f} times"


def _picture(image: Tensor, sigma: float, std: float) -> str:
    """Show an image (C, H, W) as the comparison does."""
    return picture(shown(image[None].float().numpy(), sigma=sigma, data_std=std)[0])
