"""The probability flow against exact answers for Gaussian data."""

import numpy as np
import pytest
import torch

from pds import theory
from pds.flow import Flow, flow, flow_variances
from pds.sampling import seeded_noise
from pds.scores.gaussian import GaussianField, inverse_square_power
from pds.sde import VESDE, VPSDE

SDE = VESDE(0.01, 50.0)
POWER = inverse_square_power(16, variance=0.06)
MODES = theory.modes(POWER)
EXACT = MODES.power * SDE.sigma_max**2 / (MODES.power + SDE.sigma_max**2)


@pytest.mark.parametrize("method", ["euler", "heun"])
def test_a_solver_scales_every_mode_as_the_recursion_says(method):
    start = seeded_noise([0])(torch.Size((1, 1, 16, 16)))
    calls = []
    score = GaussianField(POWER, SDE)
    solver = Flow(method, 12)
    found = flow(lambda x, t: (calls.append(t), score(x, t))[1], SDE, start.double(), solver)
    scale = (torch.fft.fft2(found) / torch.fft.fft2(start.double())).flatten()[1:]
    np.testing.assert_allclose(scale.abs().square(), flow_variances(MODES, SDE, solver), rtol=1e-6)
    assert len(calls) == solver.nfe


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("heun", 2)])
def test_halved_steps_divide_the_error_by_the_order_of_the_method(method, order):
    # The last step, from sigma_min to 0, is Euler's at any number; so the data are far above it.
    far, sde = theory.Modes(np.array([0.5, 2.0]), np.ones(2), np.ones(2)), VESDE(1e-5, 50.0)
    exact = far.power * sde.sigma_max**2 / (far.power + sde.sigma_max**2)
    errors = [np.abs(flow_variances(far, sde, Flow(method, n)) - exact) for n in (400, 800)]
    np.testing.assert_allclose(errors[0] / errors[1], 2.0**order, rtol=0.1)


@pytest.mark.parametrize(("method", "steps"), [("euler", 4000), ("heun", 500)])
def test_many_steps_give_the_data(method, steps):
    np.testing.assert_allclose(flow_variances(MODES, SDE, Flow(method, steps)), EXACT, rtol=0.02)


def test_time_is_the_inverse_of_sigma():
    t = torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64)
    torch.testing.assert_close(SDE.time(SDE.sigma(t)), t)


def test_another_process_is_refused():
    with pytest.raises(ValueError, match="the flow is in sigma, which VE has and VPSDE has not"):
        Flow("euler", 3).sigmas(VPSDE())
    with pytest.raises(ValueError, match="number of steps must be >= 1, got 0"):
        Flow("euler", 0)
