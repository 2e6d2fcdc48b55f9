"""The exact outcome of the compared samplers on Gaussian data, without sampling."""

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np

from pds import spectra, theory
from pds.arms.samplers import Plan
from pds.driving import joint_indices
from pds.models import Model, load_model
from pds.request import Request
from pds.sampling import Sampler
from pds.scores.gaussian import GaussianField
from pds.spectra import RadialSpectrum


def final_variances(model: Model, modes: theory.Modes, plans: Sequence[Plan]) -> theory.Array:
    """Return the final variance of every mode for each sampler, (P, K).

    The images' mean is left out.

    Args:
        model: of the samplers.
        modes: its data, in the bins of `theory.bins`.
        plans: the samplers.

    Raises:
        ValueError: if the M of one mixes frequencies.
    """
    variances = []
    for plan in plans:
        trajectory = theory.trajectory(modes, plan.gain, model.sde, plan.sampler)
        try:
            variances.append(deque(trajectory, maxlen=1)[0])
        except ValueError:
            if plan.gain is not None:
                raise
            raise ValueError(
                "the exact theory cannot include a space filter on data that differ from place to "
                "place; leave the space filter out"
            ) from None
    return np.stack(variances)


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
