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
from pds.web.grain_contrast import reference_name
from pds.web.sentences import error, number, ratio, short
from pds.web.tabs.filter.figures import Gains, Levels, RadialGain

NO_SPACE_MASK = "A frequency mask is open, but no space mask."
NO_RESPONSE = (
    "This sampler needs a measured response to noise, which a model of your images does not have. "
    "Choose another model, or the sampler tuned to the spectrum."
)
MASK_UNUSED = "The opened mask is not used: this sampler depends on the network alone."


def gain_sentence(gains: Gains, alpha: float) -> str:
    """Describe the gain of the published frequency filter."""
    return (
        f"At alpha = {number(alpha)} the gain ranges from {gains.lowest:.3f} to "
        f"{gains.highest:.3f} (its bound for any data is {alpha / (alpha - 1):.3f}). PDS "
        "multiplies the noise by the gain and the score by its square, at most "
        f"{gains.highest**2:.3f}."
    )


def tuned_sentence(model: Model, request: Request) -> str:
    """Describe a sampler tuned to the spectrum, and its error on Gaussian data."""
    count, fall, snr = _settings(model, model.tuned(request.num_steps))
    return (
        f"Tuned to {count}, without a filter: {fall} and {snr}. {_error_sentence(model, request)}"
    )


def response_sentence(model: Model, sampler: PredictorCorrector, gain: RadialGain) -> str:
    """Describe a sampler tuned to the network."""
    count, fall, snr = _settings(model, sampler)
    source = "this network's measured response to noise, not by the spectrum of its data"
    if isinstance(model.score, GaussianField):
        source = "the exact response of these Gaussian images to noise"
    return (
        f"Tuned to the network at {count}: {fall}, {snr}, and the gain {_gain_range(gain)}. "
        f"They are chosen by {source}: the predicted power of every octave and the predicted grain "
        f"are as close as possible to those of {reference_name(model)}."
    )


def _gain_range(gain: RadialGain) -> str:
    """Describe where a gain is smallest and largest."""
    (low, where), (high, there) = gain.lowest, gain.highest
    if high - low < 5e-4:
        return f"is {high:.3f} at every frequency"
    return (
        f"ranges from {low:.3f} at {short(where)} cycles per pixel to {high:.3f} at {short(there)}"
    )


def _settings(model: Model, ours: PredictorCorrector) -> tuple[str, str, str]:
    """Describe the number of iterations, the noise levels and the snr of a tuned sampler."""
    num_steps = ours.num_steps
    published = model.sampler(num_steps)
    (high, low), (above, below) = (_ends(sampler, model) for sampler in (ours, published))
    snr = f"the corrector's snr is {number(_snr(ours))} (published: {number(_snr(published))})"
    if num_steps == 1:
        return "1 iteration", f"the noise has the level {high} (published: {above})", snr
    fall = f"the noise falls from {high} to {low} (published: {above} to {below})"
    return f"{number(num_steps)} iterations", fall, snr


def _error_sentence(model: Model, request: Request) -> str:
    """Compare the errors of vanilla, the tuned sampler and PDS."""
    modes = tuned.spectrum(model.frequency_mask)
    arms = Arm("vanilla"), Arm("tuned"), Arm("pds", request.alpha)
    plans = [model.plan(arm, request.num_steps) for arm in arms]
    errors = theory.w2(modes, exact.final_variances(model, modes, plans)).tolist()
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


def _snr(sampler: PredictorCorrector) -> float:
    assert isinstance(sampler.corrector, Langevin), "every model of the page has one"
    return sampler.corrector.snr


def levels_sentence(levels: Levels) -> str:
    """Count the noise levels that lie within the levels of the data."""
    low, high = levels.band
    ours, published = (
        int(((low <= sigmas) & (sigmas <= high)).sum())
        for sigmas in (levels.tuned, levels.published)
    )
    waves = f"the strongest ({short(levels.strongest)}) to the weakest ({short(levels.weakest)})"
    return (
        f"The shaded band spans the standard deviations of the data's waves, from {waves}, and the "
        f"images' mean ({short(levels.mean)}). {number(published)} of the "
        f"{number(len(levels.tuned))} published levels lie in it, and {number(ours)} of the tuned "
        "ones. Far above the band the state is all noise; far below it the image hardly changes."
    )


def space_sentence(gains: Gains) -> str:
    """Describe the gain of the space filter."""
    if gains.space is None:
        return NO_SPACE_MASK
    low, high = float(gains.space.min()), float(gains.space.max())
    if high - low < 5e-4:
        return f"The space filter multiplies every pixel by {high:.3f}: the images are stationary."
    span = f"{low:.3f} to {high:.3f}"
    return f"The space filter multiplies pixels by {span}, most where images are dark."
