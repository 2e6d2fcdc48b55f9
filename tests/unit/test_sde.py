import math

import pytest
import torch

from pds.sde import VESDE, VPSDE, SubVPSDE

SDES = [VESDE(0.01, 1348.0), VPSDE(), SubVPSDE()]


def times(num_steps):
    return torch.linspace(1, 0, num_steps, dtype=torch.float64)


@pytest.mark.parametrize("sde", SDES, ids=lambda s: type(s).__name__)
def test_marginals_solve_the_moment_equations_of_the_process(sde):
    """d scale/dt = (f/x) scale and d std^2/dt = 2 (f/x) std^2 + g^2, by central differences."""
    t, dt = torch.linspace(0.05, 0.95, 10, dtype=torch.float64), 1e-5
    (f, g), here = sde.coefficients(t), sde.marginal(t)
    after, before = sde.marginal(t + dt), sde.marginal(t - dt)
    torch.testing.assert_close(
        (after.scale - before.scale) / (2 * dt), f * here.scale, rtol=1e-6, atol=1e-9
    )
    slope = (after.std**2 - before.std**2) / (2 * dt)
    torch.testing.assert_close(slope, 2 * f * here.std**2 + g**2, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("sde", SDES, ids=lambda s: type(s).__name__)
def test_the_grid_approaches_the_continuous_process(sde):
    t = times(20_000)
    f, g = sde.discretize(t)
    drift, diffusion = sde.coefficients(t)
    # The discrete grid is first order: relative error about rate/N, largest for VE (23.6/N).
    torch.testing.assert_close(f * 20_000, drift, rtol=2e-3, atol=1e-9)
    torch.testing.assert_close(g[:-1] * math.sqrt(20_000), diffusion[:-1], rtol=2e-3, atol=0)


@pytest.mark.parametrize("num_steps", [2, 66, 2000])
def test_the_grid_of_ve_adds_up_to_its_whole_variance(num_steps):
    sde = VESDE(0.01, 1348.0)
    total = (sde.discretize(times(num_steps)).diffusion ** 2).sum()
    torch.testing.assert_close(total, torch.tensor(1348.0**2, dtype=torch.float64))


def test_a_single_ve_level_is_sigma_min_as_published():
    assert VESDE(0.01, 50.0).discretize(times(1)).diffusion.tolist() == pytest.approx([0.01])


@pytest.mark.parametrize("sde", [VPSDE(), SubVPSDE()], ids=["vp", "sub-vp"])
def test_too_few_iterations_for_beta_max_are_refused_with_the_fewest(sde):
    with pytest.raises(ValueError, match="at least 20 iterations"):
        sde.alpha(19)
    assert float(sde.alpha(20).min()) >= 0


@pytest.mark.parametrize("sigmas", [(0, 1), (1, 1), (2, 1), (-1, 1), (1, math.inf), (math.nan, 1)])
def test_ve_refuses_sigmas_out_of_order(sigmas):
    with pytest.raises(ValueError, match="0 < sigma_min < sigma_max"):
        VESDE(*sigmas)


@pytest.mark.parametrize("betas", [(-1, 1), (1, 1), (2, 1), (0, math.inf)])
def test_vp_refuses_betas_out_of_order(betas):
    with pytest.raises(ValueError, match="0 <= beta_min < beta_max"):
        VPSDE(*betas)
