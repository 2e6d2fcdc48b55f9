"""The tab "Why few steps fail": from the controls of a step to its figures and sentences."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from pds.evaluation import gaussian, grain_record, tuned_record
from pds.evaluation.gaussian import Array, Field
from pds.files.pictures import view as shown
from pds.jobs.hosting import from_page
from pds.limits import quoted, require_choice
from pds.web.sentences import error, number, ratio, share
from pds.web.server.messages import Message, picture
from pds.web.tab import Tab
from pds.web.tabs.story import figures, lab, network

FIELDS = ("field64", "portraits32")
"""Models whose spectra the steps can use."""

MAX_CLOCK = 66
LAST_SIGMA = 0.009
"""Place of sigma = 0, the end of a run, on a logarithmic axis."""


def setup() -> Message:
    """Return the values that the script needs before its first request."""
    fields = [{"name": name, "title": gaussian.field(name).title} for name in FIELDS]
    stops = {"num_steps": gaussian.COUNTS, "alpha": gaussian.ALPHAS, "radius": gaussian.RADII}
    return {"layouts": figures.layouts() | lab.layouts(), "fields": fields, "stops": stops}


def view(values: Mapping[str, Any]) -> Message:
    """Answer one step of the story.

    Args:
        values: step, a key of `STEPS`; model, one of `FIELDS`; and that step's controls.

    Raises:
        ValueError: for a value out of range.
    """
    name = require_choice("step", values.get("step"), STEPS)
    model = require_choice("model", values.get("model"), FIELDS)
    return STEPS[name](gaussian.field(model), values)


def first(_: Field, values: Mapping[str, Any]) -> Message:
    """Show Langevin sampling of a static Gaussian in two dimensions."""
    ranges = {"kappa": (1, 1000), "length": (0.001, 3), "power": (0, 1), "swirl": (0, 5)}
    return lab.view({name: _number(values, name, *ends) for name, ends in ranges.items()})


def wall(field: Field, values: Mapping[str, Any]) -> Message:
    """Show which frequencies stand above the noise at a sigma, and a denoised picture."""
    sigma = _number(values, "sigma", 0.01, 1348)
    at = gaussian.wall(field, sigma)
    std = float(at.clean.std())
    removed = 1 - float((at.guess - at.clean).square().mean()) / sigma**2
    if at.radius is None:
        where = "every frequency of the data stands above the noise"
    elif at.radius == 0:
        where = "no frequency of the data stands above the noise"
    else:
        where = (
            f"only frequencies below {at.radius:.2g} cycles per pixel stand above the noise, "
            f"{share(at.share)} of all"
        )
    return {
        "plots": {"wall": figures.wall_traces(field.rings.radius, field.rings.power, sigma)},
        "text": {
            "wall": f"At sigma = {number(sigma)} {where}. The best guess removes "
            f"{share(removed)} of the noise and keeps what is left of the wall."
        },
        "images": {
            "clean": _picture(at.clean, 0.0, std),
            "noisy": _picture(at.noisy, sigma, std),
            "guess": _picture(at.guess, 0.0, std),
        },
    }


def lag(field: Field, values: Mapping[str, Any]) -> Message:
    """Show how far one frequency lags behind the falling noise, for several N."""
    radius = gaussian.RADII[_chosen(values, "radius", gaussian.RADII)]
    alpha = _strength(values) if values.get("sampler") == "PDS" else None
    at = int(np.abs(field.rings.radius - radius).argmin())
    wall, runs, left, most = math.sqrt(field.rings.power[at]), [], [], []
    for n in gaussian.RUNS:
        sigma, std = gaussian.states(field, alpha, n)
        share_of_exact = std[:, at] / np.hypot(wall, sigma)
        kept = np.unique(np.linspace(0, n - 1, 60).round().astype(int))
        runs.append((n, np.maximum(sigma, LAST_SIGMA)[kept], share_of_exact[kept]))
        left.append(f"{share_of_exact[-1]:.2f} at N = {number(n)}")
        most.append(f"{share_of_exact.max():.2f}")
    name = "vanilla" if alpha is None else f"PDS at alpha = {number(alpha)}"
    return {
        "plots": {"lag": figures.lag_traces(runs, wall)},
        "text": {
            "lag": f"At {number(radius)} cycles per pixel, {name} ends with {', '.join(left)} "
            f"times the standard deviation of the data; on the way it was up to "
            f"{', '.join(most)} times too strong."
        },
    }


def errors(field: Field, values: Mapping[str, Any]) -> Message:
    """Show the error against N, with controls and the crossover."""
    alpha, chosen = _strength(values), _chosen(values, "num_steps", gaussian.COUNTS)
    table = gaussian.errors(field, alpha)
    curves = table.curves | tuned_record.curves(values["model"])
    n = table.counts[chosen]
    at = {name: float(curve[chosen]) for name, curve in curves.items()}
    return {
        "plots": {"errors": figures.error_traces(table.counts, curves, table.crossings, n)},
        "text": {"errors": _errors_sentence(n, alpha, at, table.crossings)},
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


def advantage(field: Field, values: Mapping[str, Any]) -> Message:
    """Show where in the plane of N and alpha PDS is better than vanilla."""
    row = _chosen(values, "alpha", gaussian.ALPHAS)
    column = _chosen(values, "num_steps", gaussian.COUNTS)
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
    sentence += f" At this N the best alpha is {best:g}, {ratio(10 ** column.max())} better."
    if column.min() < -3:
        edge = gaussian.ALPHAS[int(np.flatnonzero(column < -1)[-1])]
        sentence += (
            f" From alpha = {edge:g} down its steps are too long and it diverges: the cliff."
        )
    return sentence


def clocks(field: Field, values: Mapping[str, Any]) -> Message:
    """Compare iteration k of a run of N with the end of a run of k."""
    total = int(_number(values, "num_steps", 2, MAX_CLOCK))
    iteration = min(int(_number(values, "iteration", 1, MAX_CLOCK)), total)
    two = gaussian.clocks(field, total, iteration)
    names = (f"a run of {total}", f"a run of {iteration}")
    std = float(field.power.sum().sqrt()) / field.power.shape[-1]
    sigma = float(two.sigmas[0][iteration - 1])
    return {
        "plots": {"clocks": figures.clock_traces(two.sigmas, names, iteration)},
        "text": {
            "clocks": f"After {iteration} of {total} iterations the noise is still at sigma = "
            f"{sigma:.3g}; a run of {iteration} is at its end after as many. Fine detail has "
            f"{_left(two.left[0])} the data's power here and {_left(two.left[1])} it there."
        },
        "images": {
            "long": _picture(two.pictures[0], sigma, std),
            "short": _picture(two.pictures[1], 0.0, std),
        },
    }


def belief(_: Field, values: Mapping[str, Any]) -> Message:
    """Show what the network and a linear filter leave of noise that is not as strong as told."""
    sigma, strength = _number(values, "sigma", 0.03, 0.5), _number(values, "strength", 0.5, 3)
    return network.denoised(sigma, strength)


def grain(_: Field, values: Mapping[str, Any]) -> Message:
    """Show the grain of whole runs against N, predicted and measured."""
    record = grain_record.load()
    return network.grain_curves(
        record[require_choice("portraits", values.get("portraits"), record)]
    )


STEPS: dict[str, Callable[[Field, Mapping[str, Any]], Message]] = {
    "lab": first,
    "wall": wall,
    "lag": lag,
    "errors": errors,
    "map": advantage,
    "clocks": clocks,
    "belief": belief,
    "grain": grain,
}


def _left(noise_left: float) -> str:
    return ratio(noise_left) if noise_left >= 0.95 else f"{noise_left:.2f} times"


def _number(values: Mapping[str, Any], name: str, low: float, high: float) -> float:
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{name} must be a number from {low:g} to {high:g}, got {quoted(value)}")
    return float(value)


def _strength(values: Mapping[str, Any]) -> float:
    return from_page({"alpha": values.get("alpha", 0)}).alpha


def _chosen(values: Mapping[str, Any], name: str, stops: Sequence[float]) -> int:
    """Return the index of a value that must be one of the stops."""
    if values.get(name) not in stops:
        listing = ", ".join(f"{stop:g}" for stop in stops)
        raise ValueError(f"{name} must be one of {listing}, got {quoted(values.get(name))}")
    return stops.index(values[name])


def _picture(image: Tensor, sigma: float, std: float) -> str:
    """Show an image (C, H, W) as the comparison does."""
    return picture(shown(image[None].float().numpy(), sigma=sigma, data_std=std)[0])


TAB = Tab(
    name="story",
    title="Why few steps fail",
    folder=Path(__file__).parent,
    html="story.html",
    scripts=("format.js", "server.js", "pane.js", "lab.js", "story.js"),
    setup=setup,
    views={"story_view": view},
)
