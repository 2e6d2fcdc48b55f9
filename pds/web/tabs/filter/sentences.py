"""Sentences about filters and tuned samplers, with numbers."""

import torch

from pds import theory
from pds.arms.names import Arm
from pds.kernels import Langevin
from pds.models import Model
from pds.request import Request
from pds.sampling import PredictorCorrector
from pds.scores.gaussian import GaussianField
from pds.theory import tuned
from pds.web import exact
from pds.web.looks import own
from pds.web.sentences import error, number, ratio, short
from pds.web.tabs.filter.figures import Gains, Levels, RadialGain

NO_SPACE_MASK = "A frequency mask was opened, and no space mask with it."
NO_RESPONSE = (
    "This sampler is made from a model's response to noise, and that of your images was not "
    "measured. Choose another model, or the sampler that is tuned to the spectrum."
)
MASK_UNUSED = "The opened mask plays no part here: the sampler depends on the network alone."


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
    count, fall, strength = _tuned_words(model, model.tuned(request.num_steps))
    return (
        f"Tuned to {count} {fall} and {strength}; there is no filter. "
        f"{_error_sentence(model, request)}"
    )


def response_sentence(model: Model, sampler: PredictorCorrector, gain: RadialGain) -> str:
    """Say what is tuned to the network at N, and by what, in numbers."""
    count, fall, strength = _tuned_words(model, sampler)
    source = "this network's measured response, not from the spectrum of its data"
    if isinstance(model.score, GaussianField):
        source = "the exact response of these Gaussian images"
    return (
        f"Tuned to the network at {count}, {fall}, {strength}, and the gain {_gain_words(gain)}. "
        f"All of it was found by following noise through {source}: by this calculation the power "
        f"of every octave and the grain end as near as they can to those of {own(model)}."
    )


def _gain_words(gain: RadialGain) -> str:
    """Say where a gain is smallest and largest."""
    (low, where), (high, there) = gain.lowest, gain.highest
    if high - low < 5e-4:
        return f"is {high:.3f} at every frequency"
    return f"runs from {low:.3f} at {short(where)} cycles per pixel to {high:.3f} at {short(there)}"


def _tuned_words(model: Model, ours: PredictorCorrector) -> tuple[str, str, str]:
    """Say the number of iterations of a tuned sampler, its noise levels and its corrector."""
    num_steps = ours.num_steps
    published = model.sampler(num_steps)
    (high, low), (above, below) = (_ends(sampler, model) for sampler in (ours, published))
    strength = (
        f"the corrector's strength is {number(_strength(ours))} (published: "
        f"{number(_strength(published))})"
    )
    if num_steps == 1:
        return "1 iteration", f"the noise has the level {high} (published: {above})", strength
    fall = f"the noise falls from {high} to {low} (published: {above} to {below})"
    return f"{number(num_steps)} iterations", fall, strength


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
