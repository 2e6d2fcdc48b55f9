"""The exact outcome of the compared samplers for data taken as Gaussian; nothing is sampled."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from pds import spectra, theory
from pds.models import Model, load_model
from pds.request import Request
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
    planes = (model.frequency_gain(request).double().mean(0) for request in requests)
    gains = np.stack([theory.bins(plane).power for plane in planes])
    samplers = [model.method(request) for request in requests]
    return theory.variances(modes, gains, model.sde, samplers)


def predict(request: Request) -> Iterator[tuple[RadialSpectrum, RadialSpectrum]]:
    """Yield the exact power of vanilla and PDS after each iteration if the data are Gaussian.

    For a network the iterator is empty. The space mask of stationary data is
    constant and its gain 1, so it changes nothing here either.
    """
    model = load_model(request.model)
    if not isinstance(model.score, GaussianField):
        return
    _, height, width = model.image_shape
    data = theory.modes(model.score.power[0].cpu())
    gain = model.frequency_gain(request)[0]
    chains = [
        theory.trajectory(data, theory.modes(g).power, model.sde, sampler)
        for g, sampler in (
            (torch.ones_like(gain), model.sampler(request.num_steps)),
            (gain, model.method(request)),
        )
    ]
    for variances in zip(*chains, strict=True):
        vanilla, pds = (spectra.radial(theory.grid(v, height, width)) for v in variances)
        yield vanilla, pds
