"""The families of M that are compared after tuning by the response of a network.

M is the identity (*levels*), a constant, the published filter at some alpha, or has a gain for each
octave, which the arm `response` has; see `pds.theory.network_tuning`.
"""

from typing import Literal, get_args

import torch

from pds import filters
from pds.evaluation.prediction import Predictor
from pds.models import Model
from pds.preconditioners import FrequencyFilter, Identity, SpaceFilter
from pds.sampling import PredictorCorrector
from pds.theory import network_tuning
from pds.theory.network_tuning import Family, Settings

Name = Literal["levels", "constant", "filter", "octaves"]
NAMES: tuple[Name, ...] = get_args(Name)

CONSTANTS, ALPHAS = (1.0, 1.6), (2.0, 50.0)
"""Ranges of the constant and of alpha."""


def family(name: Name, model: Model) -> Family:
    """Return a family for a model."""
    if name == "levels":
        return Family([], [], lambda _: Identity())
    if name == "constant":
        return Family([1.02], [CONSTANTS], lambda c: SpaceFilter(torch.tensor(c[0])))
    if name == "filter":
        mask = model.frequency_mask
        return Family([20.0], [ALPHAS], lambda a: FrequencyFilter(filters.gain(mask, a[0])))
    return network_tuning.octaves(model.image_shape, model.frequency_mask.device)


def tune(name: Name, predictor: Predictor, num_steps: int) -> Settings:
    """Return the settings of a family that are best for a network at N.

    Raises:
        ValueError: unless the published sampler has a Langevin corrector.
    """
    model = predictor.field.model
    return network_tuning.tune(
        predictor.evolution,
        model.sampler(num_steps),
        family(name, model),
        mean=model.middle_gray,
    )


def sampler(name: Name, model: Model, num_steps: int, settings: Settings) -> PredictorCorrector:
    """Return a sampler of a family with some settings at N."""
    m = family(name, model).m(settings.gain)
    return network_tuning.sampler(model.sampler(num_steps), model.sde, settings, m)
