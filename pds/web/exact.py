"""The exact outcome of the compared samplers for data taken as Gaussian; nothing is sampled."""

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np

from pds import spectra, theory
from pds.driving import joint_indices
from pds.models import Model, load_model
from pds.request import Request
from pds.sampling import Sampler
from pds.scores.gaussian import GaussianField
from pds.spectra import RadialSpectrum


def variances(model: Model, modes: theory.Modes, requests: Sequence[Request]) -> theory.Array:
    """Return the final variance of every mode for the sampler of each request, (R, K).

    The images' mean and space filters are left out.

    Args:
        model: its sampler and frequency mask are used; the model of the requests is ignored.
        modes: its data, in the bins of `theory.bins`.
        requests: the samplers; one without a filter is vanilla.
    """
    plans = [model.plans(request)[1] for request in requests]
    gains = [np.ones(len(modes.power)) if plan.gain is None else plan.gain for plan in plans]
    trajectories = (
        theory.trajectory(modes, gain, model.sde, plan.sampler)
        for gain, plan in zip(gains, plans, strict=True)
    )
    return np.stack([deque(variances, maxlen=1)[0] for variances in trajectories])


def predict(request: Request) -> Iterator[tuple[RadialSpectrum, RadialSpectrum]]:
    """Yield the exact power of both sides at each step of `compare_request` for Gaussian data.

    For a network the iterator is empty. The space mask of stationary data is constant and its gain
    1, so it changes nothing here either.
    """
    model = load_model(request.model)
    if not isinstance(model.score, GaussianField):
        return
    data = theory.modes(model.score.power[0].cpu())
    samplers = [plan.sampler for plan in model.plans(request)]
    chains = [enumerate(_trajectory(model, data, sampler)) for sampler in samplers]
    latest = [next(chain) for chain in chains]
    for indices in joint_indices(samplers):
        for side, (chain, index) in enumerate(zip(chains, indices, strict=True)):
            while latest[side][0] < index:
                latest[side] = next(chain)
        (_, left), (_, right) = latest
        yield left, right


def _trajectory(model: Model, data: theory.Modes, sampler: Sampler) -> Iterator[RadialSpectrum]:
    """Yield the exact power after each iteration of a sampler."""
    _, height, width = model.image_shape
    for variance in theory.trajectory(data, None, model.sde, sampler):
        yield spectra.radial(theory.grid(variance, height, width))
