"""Kernels against scalar recursions: in 1 x 1 images each channel is one Gaussian mode."""

import pytest
import torch

from pds.kernels import (
    Ancestral,
    AnnealedLangevin,
    EulerMaruyama,
    Langevin,
    MarginalPreserving,
    ReverseDiffusion,
    Update,
)
from pds.preconditioners import FrequencyFilter, Identity, Skew, SpaceFilter
from pds.scores.gaussian import GaussianField
from pds.sde import VESDE, VPSDE, SubVPSDE
from tests.support.placed import placed

N = 40
VARIANCES = torch.tensor([1e-4, 1e-2, 0.3, 1.0, 7.0], dtype=torch.float64)
GAINS = torch.tensor([1.25, 1.2, 1.1, 1.0, 0.9], dtype=torch.float64)
SDES = [VESDE(0.01, 50.0), VPSDE(), SubVPSDE()]
PREDICTORS = [ReverseDiffusion(), MarginalPreserving(), EulerMaruyama()]


def modes(values):
    return values.reshape(1, -1, 1, 1)


def times(num_steps=N, *, eps=1e-5):
    return torch.linspace(1, eps, num_steps, dtype=torch.float64)


def time(k, *, num_steps=N):
    """The time (1,) of discrete level k, from N-1 (noise) to 0."""
    return times(num_steps)[num_steps - 1 - k, None]


def row(kernel, sde, k, *, num_steps=N):
    """A kernel's coefficients at level k."""
    columns = kernel.coefficients(sde, times(num_steps).cpu())
    return [float(column[num_steps - 1 - k]) for column in columns]


M = FrequencyFilter(GAINS.reshape(-1, 1, 1))


def field(sde):
    return GaussianField(VARIANCES.reshape(-1, 1, 1), sde)


def stiffness(sde, t):
    """h: minus the score of each mode, per unit of x."""
    scale, std = sde.marginal(t)
    return 1 / (scale**2 * VARIANCES + std**2)


def random_modes(seed):
    generator = torch.Generator().manual_seed(seed)
    return modes(torch.randn(len(VARIANCES), generator=generator, dtype=torch.float64))


def predictor_factors(predictor, sde, k, gain):
    """The textbook a and b of x <- a x + b z for each mode."""
    t = time(k)
    h = stiffness(sde, t)
    if isinstance(predictor, EulerMaruyama):
        f, g = sde.coefficients(t)
        return 1 - gain**2 * (f + g**2 * h) / N, g * gain / N**0.5
    f, g = (column[N - 1 - k] for column in sde.discretize(times()))
    if isinstance(predictor, MarginalPreserving):
        return 1 - f - g**2 * h * (1 + gain**2) / 2, g * gain
    return 1 - gain**2 * (f + g**2 * h), g * gain


@pytest.mark.parametrize("k", [0, 1, N // 2, N - 1])
@pytest.mark.parametrize("sde", SDES, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("predictor", PREDICTORS, ids=lambda p: type(p).__name__)
def test_predictor_is_the_scalar_recursion_in_every_mode(predictor, sde, k):
    x, z = random_modes(0), random_modes(1)
    update = predictor(x, field(sde)(x, time(k)), z, row(predictor, sde, k), M)
    a, b = predictor_factors(predictor, sde, k, GAINS)
    torch.testing.assert_close(update.x_mean, modes(a) * x, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(update.x, modes(a) * x + modes(b) * z, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("k", [0, N // 2, N - 1])
@pytest.mark.parametrize("sde", SDES, ids=lambda s: type(s).__name__)
def test_langevin_is_the_scalar_recursion_with_the_step_of_its_norms(sde, k):
    x, z, snr = random_modes(0), random_modes(1), 0.16
    update = Langevin(snr)(x, field(sde)(x, time(k)), z, row(Langevin(snr), sde, k), M)
    h = modes(stiffness(sde, time(k)))
    drift = modes(GAINS) ** 2 * h * x
    alpha = 1.0 if isinstance(sde, VESDE) else 1 - float(sde.discrete_betas(N)[N - 1 - k])
    e = 2 * alpha * (snr * (modes(GAINS) * z).norm() / drift.norm()) ** 2
    torch.testing.assert_close(update.x_mean, x - e * drift)
    torch.testing.assert_close(update.x, x - e * drift + (2 * e).sqrt() * modes(GAINS) * z)


@pytest.mark.parametrize("sde", SDES, ids=lambda s: type(s).__name__)
def test_annealed_langevin_is_the_scalar_recursion_with_the_step_of_std(sde):
    k, x, z, snr = 17, random_modes(0), random_modes(1), 0.16
    kernel = AnnealedLangevin(snr)
    update = kernel(x, field(sde)(x, time(k)), z, row(kernel, sde, k), M)
    alpha = 1.0 if isinstance(sde, VESDE) else 1 - float(sde.discrete_betas(N)[N - 1 - k])
    e = 2 * alpha * (snr * float(sde.marginal(time(k)).std)) ** 2
    a = 1 - e * GAINS**2 * stiffness(sde, time(k))
    torch.testing.assert_close(update.x_mean, modes(a) * x)
    torch.testing.assert_close(update.x, modes(a) * x + (2 * e) ** 0.5 * modes(GAINS) * z)


def test_ancestral_ve_keeps_the_exact_marginal_of_pure_noise():
    """With lambda = 0 the posterior of level k-1 is exact: sigma_k^2 becomes sigma_{k-1}^2."""
    sde, k = VESDE(0.01, 50.0), 23
    at = row(Ancestral(), sde, k)
    sigma, below = placed(sde.discrete_sigmas(N)[N - 1 - k : N + 1 - k])
    one, zero = torch.ones(1, 1, 1, 1, dtype=torch.float64), torch.zeros(1, 1, 1, 1)
    a = Ancestral()(one, -one / sigma**2, zero.double(), at, Identity()).x
    b = Ancestral()(zero.double(), zero.double(), one, at, Identity()).x
    torch.testing.assert_close((a**2 * sigma**2 + b**2).squeeze(), below**2)


def test_ancestral_vp_is_its_scalar_recursion():
    sde, x, z = VPSDE(), random_modes(0), random_modes(1)
    k, kernel = 11, Ancestral()
    update = kernel(x, field(sde)(x, time(k)), z, row(kernel, sde, k), Identity())
    beta = sde.discrete_betas(N)[N - 1 - k]
    mean = x * modes((1 - beta * stiffness(sde, time(k))) / (1 - beta).sqrt())
    torch.testing.assert_close(update.x_mean, mean)
    torch.testing.assert_close(update.x, mean + beta.sqrt() * z)


@pytest.mark.parametrize(
    "preconditioner",
    [
        FrequencyFilter(torch.full((1, 1), 1.1)),
        SpaceFilter(torch.full((1, 1), 1.1)),
        Skew(Identity(), 0.5),
    ],
    ids=["frequency", "space", "skew"],
)
def test_ancestral_refuses_a_preconditioner(preconditioner):
    x = random_modes(0)
    with pytest.raises(ValueError, match="cannot take a preconditioner"):
        Ancestral()(x, x, x, row(Ancestral(), SDES[0], 5), preconditioner)


def test_ancestral_refuses_sub_vp():
    with pytest.raises(ValueError, match="defined for VE and VP, got SubVPSDE"):
        Ancestral().coefficients(SubVPSDE(), times())


def test_an_update_computes_its_mean_once_and_only_on_access():
    calls = []
    update = Update(torch.zeros(1), lambda: calls.append(0) or torch.ones(1))
    assert not calls
    assert update.x_mean is update.x_mean
    assert len(calls) == 1


def final_variances(predictor, gains, num_steps, *, variance=0.25):
    """Run a predictor alone on one mode per gain, exactly.

    The kernel is probed for a and b of x <- a x + b z, then v <- a^2 v + b^2.
    """
    sde, gains = VESDE(0.01, 50.0), torch.tensor(gains, dtype=torch.float64)
    score = GaussianField(torch.full((1, 1, 1), variance, dtype=torch.float64), sde)
    ones = torch.ones(1, len(gains), 1, 1, dtype=torch.float64)
    x, z = torch.cat([ones, 0 * ones]), torch.cat([0 * ones, ones])
    v = (sde.prior_std * gains) ** 2
    t, m = times(num_steps), FrequencyFilter(gains.reshape(-1, 1, 1))
    rows = zip(*(column.tolist() for column in predictor.coefficients(sde, t)), strict=True)
    for step, at in zip(t, rows, strict=True):
        a, b = predictor(x, score(x, step[None]), z, at, m).x.flatten(1)
        v = a**2 * v + b**2
    return v.tolist()


@pytest.mark.parametrize("predictor", PREDICTORS, ids=lambda p: type(p).__name__)
def test_halving_the_step_halves_the_error_of_the_unpreconditioned_predictor(predictor):
    # Euler-Maruyama stops at sigma_min; the discrete grid takes its last step down to sigma = 0.
    target = 0.25 + 0.01**2 if isinstance(predictor, EulerMaruyama) else 0.25
    errors = [final_variances(predictor, [1.0], n)[0] - target for n in (400, 800)]
    # First order: the ratio is 2 up to a relative O(1/N) of a few percent.
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.06)


BIASED_GAINS = [0.9, 1.1, 1.25]


def test_the_published_predictor_ends_at_its_biased_limit():
    limits = [0.25 * g**2 / (2 * g**2 - 1) for g in BIASED_GAINS]
    # O(1/N) away from the limit, and the limits are 8 % or more away from the data's variance.
    assert final_variances(ReverseDiffusion(), BIASED_GAINS, 1500) == pytest.approx(
        limits, rel=0.02
    )
    assert min(abs(limit / 0.25 - 1) for limit in limits) > 0.08


def test_the_marginal_preserving_predictor_ends_at_the_data():
    finals = final_variances(MarginalPreserving(), BIASED_GAINS, 1500)
    assert finals == pytest.approx([0.25] * 3, rel=0.02)


@pytest.mark.parametrize("snr_norm", ["batch", "sample"])
def test_snr_norm_decides_whether_an_image_depends_on_its_company(snr_norm):
    sde, x, z = VESDE(), torch.cat([random_modes(0), 9 * random_modes(3)]), random_modes(1)
    z = torch.cat([z, z])
    kernel = Langevin(0.1, snr_norm)
    at = row(kernel, sde, 5)
    alone = kernel(x[:1], -x[:1], z[:1], at, M).x
    together = kernel(x, -x, z, at, M).x[:1]
    assert torch.allclose(alone, together, rtol=1e-12) == (snr_norm == "sample")


@pytest.mark.parametrize("kernel", [Langevin, AnnealedLangevin])
@pytest.mark.parametrize("snr", [0.0, -1.0, float("nan"), float("inf")])
def test_an_snr_out_of_range_is_refused(kernel, snr):
    with pytest.raises(ValueError, match="snr must be > 0"):
        kernel(snr)
