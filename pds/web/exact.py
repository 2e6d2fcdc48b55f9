"""The exact outcome of what is compared, on data taken as Gaussian; nothing is sampled."""

from collections.abc import Sequence

import numpy as np

from pds import theory
from pds.models import Experiment, Request


def variances(model: Experiment, modes: theory.Modes, requests: Sequence[Request]) -> theory.Array:
    """Return the final variance of every mode by the method of each request, (R, K).

    Without the images' mean, as everywhere on the page, and without any space filter.

    Args:
        model: whose sampler and frequency mask are meant, whatever the requests name.
        modes: its data, in the bins of `theory.bins`.
        requests: how they are sampled; no filter is vanilla.
    """
    planes = (model.frequency_gain(request).double().mean(0) for request in requests)
    gains = np.stack([theory.bins(plane).power for plane in planes])
    samplers = [model.method(request) for request in requests]
    return theory.variances(modes, gains, model.sde, samplers)
