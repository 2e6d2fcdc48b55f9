"""The true answer to the question of each step."""

import numpy as np

from pds.appearance import ALIKE
from pds.evaluation import denoising, gaussian, grain_record, octaves, tuned_record
from pds.evaluation.gaussian import field
from pds.web.sentences import error, number, short, times
from pds.web.tabs.story import plane, targets
from pds.web.tabs.story.questions import Amount, Choice, Place, Question, Truth

IMAGES = {"portraits128": "portraits", "field64": "clouds"}
"""Names of the images of a model in sentences."""
FEW = 25
NOISE = 0.2
"""Sigma in the question about octaves."""
CONTROLS = {
    "vanilla": "vanilla",
    "PDS": "PDS",
    "inverted": "the inverted filter",
    "best constant": "the best constant gain",
}
"""Curves in the question about controls, and their names in sentences."""


def finest_above(model: str) -> Truth:
    """Find the finest octave with more power than noise of `NOISE`."""
    parts = octaves.powers(field(model))
    above = [j for j, octave in enumerate(parts) if octave.power > NOISE**2]
    finest, next_finer = parts[above[-1] : above[-1] + 2]
    fact = (
        f"In the {IMAGES[model]} the waves of {finest.low} to {finest.high} cycles per image "
        f"have {times(finest.power / NOISE**2)} the power of the noise, the next finer ones "
        f"{times(next_finer.power / NOISE**2)}."
    )
    return Truth(str(finest.low), fact)


def most_lagging(model: str) -> Truth:
    """Find the waves that are most too strong at the end of a vanilla run of 25."""
    followed = field(model)
    _, std = gaussian.lag(followed, None, FEW)
    power = followed.rings.power[[gaussian.ring(followed, radius) for radius in gaussian.RADII]]
    excess = std[-1] / np.sqrt(power)
    coarse, fine = excess[0], excess[-1]
    alike = max(coarse, fine) < ALIKE * min(coarse, fine)
    value = "alike" if alike else "coarse" if coarse > fine else "fine"
    fact = (
        f"In the {IMAGES[model]} the coarsest waves of the chart end with {coarse:.2f} times the "
        f"strength that they should have, the finest with {fine:.2f} times: sigma falls in the "
        "same steps for all of them."
    )
    return Truth(value, fact)


def closest_control(model: str) -> Truth:
    """Find the one of four samplers with the smallest error at N = 66 and alpha = 5."""
    at, alpha = gaussian.COUNTS.index(66), 5.0
    curves = gaussian.errors(field(model), alpha).curves | tuned_record.curves(model)
    errors = {curve: float(curves[curve][at]) for curve in CONTROLS}
    ranked = sorted(CONTROLS, key=lambda curve: errors[curve])
    listed = ", ".join(f"{CONTROLS[curve]} {error(errors[curve])}" for curve in ranked)
    return Truth(ranked[0], f"For the {IMAGES[model]} the errors at N = 66 are: {listed}.")


def last_help(model: str) -> Truth:
    """Find the N from which on vanilla is closer than PDS at alpha = 5."""
    crossing = round(gaussian.errors(field(model), 5.0).crossings[-1])
    fact = f"For the {IMAGES[model]} vanilla is closer from N = {number(crossing)} on."
    return Truth(crossing, fact)


def sigma_half_way(model: str) -> Truth:
    """Find sigma after 16 of 32 iterations."""
    sigma = float(gaussian.clocks(field(model), 32, 16).sigmas[0][15])
    fact = (
        f"After 16 of 32 iterations sigma is {short(sigma)}: 16 of 31 equal factors, a little more "
        "than half."
    )
    return Truth(sigma, fact)


def network_grain(_: str) -> Truth:
    """Find the factor by which noise of 1.5 sigma raises the network's grain at sigma = 0.16."""
    matched, stronger = denoising.plant(0.16, (1.0, 1.5))
    grown = stronger.network.grain / matched.network.grain
    linear = stronger.linear.grain / matched.linear.grain
    fact = (
        f"The second time the network leaves {times(grown)} the grain, the linear filter "
        f"{times(linear)}."
    )
    return Truth(grown, fact)


def worth_of_pds(_: str) -> Truth:
    """Find the N at which vanilla leaves as little grain as PDS with N = 25 and alpha = 5."""
    curves = grain_record.read_points()["portraits64"]
    (pds,) = [point.sampled for point in curves["pds:5"] if point.num_steps == FEW]
    n, grain = np.log([[p.num_steps, p.sampled] for p in curves["vanilla"]]).T
    needed = round(float(np.exp(np.interp(-np.log(pds), -grain, n))))
    fact = (
        f"PDS leaves {times(pds)} the grain of the network's own images after {FEW} iterations; "
        f"vanilla needs {number(needed)} for that."
    )
    return Truth(needed, fact)


QUESTIONS: dict[str, Question] = {
    "plane": Place(plane.mean_after_steps, targets.BEGINNINGS["ellipse"].start),
    "octaves": Choice(("1", "2", "4", "8", "16"), finest_above),
    "lag": Choice(("coarse", "fine", "alike"), most_lagging),
    "controls": Choice(tuple(CONTROLS), closest_control),
    "map": Amount(10, 2000, last_help),
    "clocks": Amount(0.01, 1348, sigma_half_way),
    "belief": Amount(1, 20, network_grain),
    "grain": Amount(20, 400, worth_of_pds),
}
"""The question of each step."""
