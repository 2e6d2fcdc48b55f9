"""State evolution: with the linear response it is the exact recursion, to rounding."""

import numpy as np
import pytest

from pds import models, theory
from pds.arms.names import parse
from pds.theory import Bands, Evolution, LinearResponse, Modes

BANDS = Bands(32, 32)
POWER = 10.0 / (1 + np.arange(len(BANDS.radius))) ** 3
ARMS = ("vanilla", "pds:5", "scalar:1.1", "tuned", "inverted:5", "corrector:5", "predictor:5")
MORE = ("preserving:5", "natural:5", "ode-heun", "ode-euler")


@pytest.fixture(scope="module")
def model():
    return models.load_model("portraits32")


@pytest.mark.parametrize("arm", [*ARMS, *MORE])
@pytest.mark.parametrize("num_steps", [10, 40])
def test_with_the_linear_response_every_sampler_follows_the_exact_recursion(model, arm, num_steps):
    sampler = model.plan(parse(arm), num_steps).sampler
    data = Modes(POWER, BANDS.count, BANDS.radius)
    exact = np.stack(list(theory.trajectory(data, None, model.sde, sampler)))
    followed = np.stack(
        list(Evolution(LinearResponse(BANDS, POWER), model.sde).trajectory(sampler))
    )
    np.testing.assert_allclose(followed, exact, rtol=1e-9)
