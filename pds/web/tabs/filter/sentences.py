"""Sentences about filters and tuned noise levels, with numbers."""

import torch

from pds import theory
from pds.arms.names import Arm
from pds.kernels import Langevin
from pds.models import Model
from pds.request import Request
from pds.sampling import PredictorCorrector
from pds.theory import tuned
from pds.web import exact
from pds.web.sentences import error, number, ratio, short
from pds.web.tabs.filter.figures import Gains, Levels

NO_SPACE_MASK = "A frequency mask was opened, and no space mask with it."


def gain_sentence(gains: Gains, alpha: float) -> str:
    """Say what the published frequency filter does, in numbers."""
    return (
        f"At alpha = {number(alpha)} the gain runs from {gains.lowest:.3f} to "
        f"{gains.highest:.3f} (no data could make it exceed {alpha / (alpha - 1):.3f}). Noise is "
        "multiplied by the gain, the "
        f"score by its square: at most {gains.highest**2:.3f}."
    )


def tuned_sentence(model: Model, request: Request) -> str:
    """Say what is tuned to N, and what comes of it on Gaussian data, in numbers."""
    num_steps = request.num_steps
    ours, published = model.tuned(num_steps), model.sampler(num_steps)
    (high, low), (above, below) = (_ends(sampler, model) for sampler in (ours, published))
    fall = f"{number(num_steps)} iterations the noise falls from {high} to {low} (published: "
    fall += f"{above} to {below})"
    if num_steps == 1:
        fall = f"1 iteration the noise has the level {high} (published: {above})"
    return (
        f"Tuned to {fall} and the corrector's strength is {number(_strength(ours))} (published: "
        f"{number(_strength(published))}); there is no filter. {_error_sentence(model, request)}"
    )


def _error_sentence(model: Model, request: Request) -> str:
    """Say how close to the data each sampler ends."""
    modes = tuned.spectrum(model.frequency_mask)
    arms = Arm("vanilla"), Arm("tuned"), Arm("pds", request.alpha)
    plans = [model.plan(arm, request.num_steps) for arm in arms]
    errors = theory.w2(modes, exact.variances(model, modes, plans)).tolist()
    vanilla, ours, _ = errors
    where = f"{ratio(vanilla / ours)} closer to" if ours < vanilla else "no closer to"
    vanilla_error, tuned_error, pds_error = (error(value) for value in errors)
    return (
        f"Gaussian images of this spectrum then end {where} the data: the error W2 is "
        f"{tuned_error} instead of {vanilla_error} "
        f"(PDS at alpha = {number(request.alpha)}: {pds_error})."
    )


def _ends(sampler: PredictorCorrector, model: Model) -> list[str]:
    """Write the highest and the lowest noise level of a sampler's grid."""
    ends = torch.tensor([1.0, 0.0], dtype=torch.float64)
    return [number(sigma) for sigma in sampler.process(model.sde).marginal(ends).std.tolist()]


def _strength(sampler: PredictorCorrector) -> float:
    assert isinstance(sampler.corrector, Langevin), "every model of the page has one"
    return sampler.corrector.snr


def levels_sentence(levels: Levels) -> str:
    """Say how many of the noise levels lie within the levels of the data."""
    low, high = levels.band
    ours, published = (
        int(((low <= sigmas) & (sigmas <= high)).sum())
        for sigmas in (levels.tuned, levels.published)
    )
    waves = f"the strongest ({short(levels.strongest)}) to the weakest ({short(levels.weakest)})"
    return (
        f"Shaded is what the data hold at one frequency: the images' mean ({short(levels.mean)}) "
        f"and the standard deviations of their waves, from {waves}. {number(published)} of the "
        f"{number(len(levels.tuned))} published levels are within it, and {number(ours)} of the "
        "tuned ones: far above, all is noise, and far below, nothing is left to decide."
    )


def space_sentence(gains: Gains) -> str:
    """Say what the space filter does, in numbers."""
    if gains.space is None:
        return NO_SPACE_MASK
    low, high = float(gains.space.min()), float(gains.space.max())
    if high - low < 5e-4:
        return f"It multiplies every pixel by {high:.3f}: such images have no preferred place."
    return f"It multiplies pixels by {low:.3f} to {high:.3f}, most where images are dark."
