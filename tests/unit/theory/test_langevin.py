"""Langevin sampling in the plane: laws of the exact recursion, and sampled chains against it."""

import math

import pytest
import torch

from pds.theory import langevin
from pds.theory.langevin import Move
from pds.theory.plane import Banana, Gaussian, Mixture, root

NARROW = Gaussian(20.0)
HILLS = Mixture(torch.tensor([[-1.0, 0.2], [1.3, 0.4], [0.1, -0.9]], dtype=torch.float64), 0.4)
TARGETS = [NARROW, Banana(), HILLS]


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def uniform(*shape, seed=1):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("target", [*TARGETS, Banana(bend=0.0, width=0.5)])
def test_the_score_is_the_gradient_of_the_density(target):
    x = normal(5, 2).requires_grad_()
    point = target.at(x)
    (gradient,) = torch.autograd.grad(point.log_density.sum(), x)
    torch.testing.assert_close(point.score, gradient)
    torch.testing.assert_close(target.score(x), gradient)


@pytest.mark.parametrize("target", TARGETS)
def test_samples_have_the_mean_and_covariance_that_the_target_names(target):
    """200,000 samples: five standard errors are below 3 % of the largest entry."""
    x = target.sample(normal(200_000, 2))
    scale = float(target.covariance.max())
    assert float((torch.cov(x.T) - target.covariance).abs().max()) < 0.03 * scale
    assert float((x.mean(0) - target.mean).abs().max()) < 0.03 * scale**0.5


@pytest.mark.parametrize("target", TARGETS)
def test_the_mean_curvature_is_that_of_samples(target):
    """200,000 samples: five standard errors are below 4 % of the largest entry."""
    score = target.score(target.sample(normal(200_000, 2)))
    found = score.T @ score / len(score)
    assert float((found - target.curvature).abs().max()) < 0.04 * float(target.curvature.max())


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("target", [NARROW, Banana(bend=0.4), HILLS])
def test_a_marginal_is_the_density_summed_over_the_other_axis(target, axis):
    """The trapezoidal rule on a density that is smooth and ends within the grid."""
    at = torch.linspace(-7, 16, 1151, dtype=torch.float64)
    first, second = torch.meshgrid(at, at, indexing="ij")
    density = target.at(torch.stack([first, second], -1)).log_density.exp()
    summed = density.sum(1 - axis)
    torch.testing.assert_close(
        target.marginal(axis, at), summed / summed.sum() / 0.02, atol=1e-6, rtol=0
    )


def test_a_mixture_s_samples_are_shared_out_evenly():
    """30,000 samples: five standard errors of a share of a third are 0.014."""
    x = HILLS.sample(normal(30_000, 2))
    nearest = torch.cdist(x, HILLS.centers).argmin(1)
    assert (torch.bincount(nearest) / len(x)).tolist() == pytest.approx([1 / 3] * 3, abs=0.02)


def test_a_mixture_of_one_is_a_round_gaussian():
    one, x = Mixture(torch.zeros(1, 2).double(), 1.0), normal(5, 2)
    torch.testing.assert_close(one.at(x), Gaussian(1.0).at(x))
    torch.testing.assert_close(one.curvature, torch.eye(2).double())


@pytest.mark.parametrize("target", [Banana(), HILLS])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_only_a_gaussian_has_a_stiffness_of_one(target, share):
    assert langevin.stiffness(target, root(target, share)) > 1.5
    stiffness = langevin.stiffness(NARROW, root(NARROW, share))
    assert stiffness == pytest.approx(20 ** (1 - share))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_an_offset_along_an_eigenvector_shrinks_by_its_factor(target, share):
    move = Move(0.01, root(target, share))
    a = torch.eye(2).double() - move.step * move.drift @ target.curvature
    factors = [direction.factor.real for direction in langevin.directions(target, move)]
    v = langevin.eigenvectors(target, move.m).T  # its columns
    torch.testing.assert_close(a @ v, torch.tensor(factors, dtype=torch.float64) * v)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_m_is_a_power_of_the_covariance(share):
    m = root(NARROW, share)
    logs = torch.linalg.eigvalsh(m).log() * 2
    assert logs.tolist() == pytest.approx([-share * math.log(20), 0.0], abs=1e-12)


def test_vanilla_s_limit_is_twice_the_smallest_variance():
    assert langevin.step_limit(NARROW, Move(1.0)) == pytest.approx(2 / 20)
    inside, outside = (langevin.directions(NARROW, Move(e)) for e in (0.0999, 0.1001))
    assert all(d.stable for d in inside)
    assert not all(d.stable for d in outside)


@pytest.mark.parametrize("kappa", [2.0, 50.0, 1000.0])
def test_m_makes_both_factors_equal_at_every_condition_number(kappa):
    gaussian = Gaussian(kappa)
    slow, fast = langevin.directions(gaussian, Move(0.3, root(gaussian, 1.0)))
    assert slow.factor == pytest.approx(0.7)
    assert fast.factor == pytest.approx(0.7)


def test_a_share_of_m_leaves_a_power_of_the_condition_number():
    slow, fast = langevin.rates(NARROW, Move(1.0, root(NARROW, 0.5)))
    assert (fast / slow).real == pytest.approx(20**0.5)


def test_at_the_best_step_both_directions_shrink_alike():
    move = Move(langevin.best_step(NARROW, Move(1.0)))
    slow, fast = langevin.directions(NARROW, move)
    assert slow.factor.real == pytest.approx(19 / 21)
    assert fast.factor.real == pytest.approx(-19 / 21)


def test_the_factors_are_the_eigenvalues_of_the_recursion():
    move = Move(0.02, root(NARROW, 0.3), 0.2)
    mean, _ = langevin.moments(NARROW, move, torch.tensor([1.0, 0.0], dtype=torch.float64), 1)
    other, _ = langevin.moments(NARROW, move, torch.tensor([0.0, 1.0], dtype=torch.float64), 1)
    a = torch.stack([mean[1], other[1]], dim=1)
    expected = sorted(torch.linalg.eigvals(a).tolist(), key=lambda z: (z.real, z.imag))
    found = sorted(
        (d.factor for d in langevin.directions(NARROW, move)), key=lambda z: (z.real, z.imag)
    )
    assert found == pytest.approx(expected, rel=0, abs=1e-12)


def test_a_skew_beyond_the_critical_one_makes_the_walk_turn():
    m = root(NARROW, 0.2)
    critical = langevin.critical_skew(NARROW, m)
    below, above = (Move(0.01, m, factor * critical) for factor in (0.99, 1.01))
    assert all(d.factor.imag == 0 for d in langevin.directions(NARROW, below))
    assert all(d.turn > 0 for d in langevin.directions(NARROW, above))


@pytest.mark.parametrize("skew", [0.0, 0.3])
def test_ula_settles_at_the_covariance_of_its_equation(skew):
    """4,000 chains at the end of 400 steps: five standard errors are 11 % of a variance."""
    move = Move(0.03, root(NARROW, 0.5), skew)
    chains = langevin.ula(NARROW, move, torch.zeros(4000, 2).double(), normal(400, 4000, 2))
    found = chains[-1].T @ chains[-1] / 4000
    expected = langevin.stationary(NARROW, move)
    assert float((found - expected).abs().max()) < 0.11 * float(expected.max())
    _, law = langevin.moments(NARROW, move, torch.zeros(2).double(), 2000)
    torch.testing.assert_close(law[-1], expected)


@pytest.mark.parametrize("skew", [0.0, 0.3])
def test_the_bias_of_the_law_shrinks_in_proportion_to_the_step(skew):
    biases = [
        (langevin.stationary(NARROW, Move(e, skew=skew)) - NARROW.covariance).norm()
        for e in (1e-3, 1e-4)
    ]
    assert float(biases[0] / biases[1]) == pytest.approx(10, rel=0.05)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_mala_keeps_the_target(target, share):
    """20,000 chains from exact samples: five standard errors are 8 % of the largest entry."""
    start = target.sample(normal(20_000, 2))
    move = Move(0.05, root(target, share))
    run = langevin.mala(
        target, move, start, normal(30, 20_000, 2, seed=2), uniform=uniform(30, 20_000)
    )
    found = torch.cov(run.chains[-1].T)
    scale = float(target.covariance.max())
    assert float((found - target.covariance).abs().max()) < 0.08 * scale
    assert float((run.chains[-1].mean(0) - target.mean).abs().max()) < 0.05 * scale**0.5


def test_mala_accepts_everything_as_the_step_shrinks():
    start, rates = NARROW.sample(normal(2000, 2)), []
    for step in (0.1, 0.01, 0.0001):
        run = langevin.mala(
            NARROW, Move(step), start, normal(10, 2000, 2, seed=3), uniform=uniform(10, 2000)
        )
        rates.append(run.acceptance)
    assert rates == sorted(rates)
    assert rates[-1] > 0.999


def test_a_refused_chain_stays_where_it_was():
    start = NARROW.sample(normal(500, 2))
    run = langevin.mala(
        NARROW, Move(0.2), start, normal(5, 500, 2, seed=4), uniform=uniform(5, 500)
    )
    stayed = (run.chains[1:] == run.chains[:-1]).all(-1)
    assert torch.equal(stayed, ~run.accepted)
    assert stayed.any() and run.accepted.any()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Gaussian(0.5), "kappa must be at least 1, got 0.5"),
        (lambda: Gaussian(math.inf), "kappa must be at least 1"),
        (lambda: Banana(width=0.0), "a banana needs a finite bend and a width > 0"),
        (lambda: Mixture(torch.zeros(0, 2), 0.4), "a mixture needs finite centers of shape"),
        (lambda: Mixture(torch.tensor([[0.0, math.nan]]), 0.4), "a mixture needs finite centers"),
        (lambda: Mixture(torch.zeros(1, 2), 0.0), "the width of a mixture must be > 0, got 0"),
        (lambda: Move(0.0), "the step must be > 0 and finite, got 0"),
        (lambda: Move(0.1, skew=math.nan), "the skew must be finite"),
        (lambda: Move(0.1, torch.zeros(2, 2)), "M must be an invertible 2 x 2 matrix"),
        (lambda: root(NARROW, 1.5), "the share must be from 0"),
        (lambda: langevin.stationary(NARROW, Move(0.2)), "is not stable"),
        (
            lambda: langevin.mala(
                NARROW, Move(0.1, skew=1.0), normal(1, 2), normal(1, 1, 2), uniform=uniform(1, 1)
            ),
            "MALA needs skew = 0, got 1",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(make, words):
    with pytest.raises(ValueError, match=words):
        make()
