"""The probability flow against exact answers for Gaussian data."""

import numpy as np
import pytest
import torch

from pds import theory
from pds.driving import seeded_noise, steps
from pds.sampling import ProbabilityFlow
from pds.scores.gaussian import GaussianField
from pds.sde import VESDE, VPSDE
from pds.spectra import inverse_square_power
from tests.support.placed import here

SDE = VESDE(0.01, 50.0)
POWER = inverse_square_power(16, variance=0.06)
MODES = theory.modes(POWER)
EXACT = MODES.power * SDE.sigma_max**2 / (MODES.power + SDE.sigma_max**2)


def exact(modes, sampler, sde=SDE):
    """The final variances by the recursion."""
    *_, last = theory.trajectory(modes, np.ones(len(modes.power)), sde, sampler)
    return last


@pytest.mark.parametrize("method", ["euler", "heun"])
def test_a_solver_scales_every_mode_as_the_recursion_says(method):
    start = seeded_noise([0], device=here())(torch.Size((1, 1, 16, 16))).double()
    calls = []
    field = GaussianField(POWER, SDE)
    sampler = ProbabilityFlow(method, 12)

    def score(x, t):
        calls.append(t)
        return field(x, t)

    chain = sampler.chain(SDE, noise=lambda _: start, shape=start.shape)
    *_, last = steps(score, chain)
    scale = (torch.fft.fft2(last.x_mean) / torch.fft.fft2(start)).flatten()[1:]
    np.testing.assert_allclose(scale.abs().square().cpu(), exact(MODES, sampler), rtol=1e-6)
    assert len(calls) == last.nfe == sampler.nfe


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("heun", 2)])
def test_halved_steps_divide_the_error_by_the_order_of_the_method(method, order):
    # The last step, from sigma_min to 0, is Euler's at any number; so the data are far above it.
    far, sde = theory.Modes(np.array([0.5, 2.0]), np.ones(2), np.ones(2)), VESDE(1e-5, 50.0)
    end = far.power * sde.sigma_max**2 / (far.power + sde.sigma_max**2)
    errors = [np.abs(exact(far, ProbabilityFlow(method, n), sde) - end) for n in (400, 800)]
    np.testing.assert_allclose(errors[0] / errors[1], 2.0**order, rtol=0.1)


@pytest.mark.parametrize(("method", "num_steps"), [("euler", 4000), ("heun", 500)])
def test_many_steps_give_the_data(method, num_steps):
    np.testing.assert_allclose(exact(MODES, ProbabilityFlow(method, num_steps)), EXACT, rtol=0.02)


def test_time_is_the_inverse_of_sigma():
    t = torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64)
    torch.testing.assert_close(SDE.time(SDE.sigma(t)), t)


def test_another_process_is_refused():
    chain = ProbabilityFlow("euler", 3).chain(VPSDE(), noise=torch.zeros, shape=(1, 1, 2, 2))
    with pytest.raises(ValueError, match="flow is defined for VE only, got VPSDE"):
        next(chain)
    with pytest.raises(ValueError, match="iterations must be a whole number >= 1, got 0"):
        ProbabilityFlow("euler", 0)
