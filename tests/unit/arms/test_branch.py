"""Branches: runs that a second sampler continues, against their two parts and exact answers."""

import weakref
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from pds import theory
from pds.arms.branch import Branch
from pds.driving import joint_indices, sample, seeded_noise, side_by_side, steps
from pds.kernels import Ancestral, EulerMaruyama, Langevin, ReverseDiffusion
from pds.preconditioners import FrequencyFilter
from pds.sampling import PredictorCorrector, ProbabilityFlow
from pds.scores.gaussian import GaussianField
from pds.sde import VESDE, VPSDE
from pds.spectra import inverse_square_power, power, radii
from tests.support.placed import here

SDE = VESDE(0.01, 100.0)
SHAPE = (2, 3, 8, 8)
FIELD = GaussianField(inverse_square_power(8, variance=0.06), SDE, mean=0.5)
FILTER = FrequencyFilter(1 + torch.ones(8, 8) * 0.2)
VANILLA = PredictorCorrector(12, eps=1e-3, corrector=Langevin(0.15, "sample"))
SAMPLERS = {
    "vanilla": VANILLA,
    "filter": replace(VANILLA, m=FILTER),
    "two correctors": replace(VANILLA, num_corrector_steps=2),
    "narrowed": replace(VANILLA, sigmas=(0.05, 20.0)),
    "Euler-Maruyama": replace(VANILLA, predictor=EulerMaruyama(), corrector=None),
    "ancestral": replace(VANILLA, predictor=Ancestral()),
    "Heun": ProbabilityFlow("heun", 12),
    "Euler": ProbabilityFlow("euler", 12),
}
HEUN, EULER = (ProbabilityFlow(method, 7) for method in ("heun", "euler"))


def run(sampler, *, noise=None, score=FIELD):
    noise = noise or seeded_noise([5, 6], device=here())
    return list(steps(score, sampler.chain(SDE, noise=noise, shape=SHAPE)))


@pytest.mark.parametrize("then", SAMPLERS)
@pytest.mark.parametrize("first", ["vanilla", "filter", "Heun"])
def test_the_iterations_before_a_branch_are_bit_for_bit_those_of_the_first_sampler(first, then):
    branched = run(Branch(SAMPLERS[first], 5, replace(SAMPLERS[then], num_steps=3)))[:5]
    alone = run(SAMPLERS[first])[:5]
    assert [(s.index, s.nfe, s.t) for s in branched] == [(s.index, s.nfe, s.t) for s in alone]
    found, expected = (torch.stack([s.x for s in part]) for part in (branched, alone))
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize("after", [1, 6, 11])
@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "Euler-Maruyama"])
def test_going_on_with_the_same_sampler_is_the_whole_run_bit_for_bit(name, after):
    whole = SAMPLERS[name]
    branch = Branch(whole, after, replace(whole, num_steps=12 - after))
    alone, branched = run(whole)[-1], run(branch)[-1]
    assert torch.equal(branched.x, alone.x)
    assert (branched.index, branched.nfe) == (alone.index, alone.nfe)


def test_a_branch_of_a_branch_into_the_same_sampler_is_the_whole_run():
    first = Branch(VANILLA, 4, replace(VANILLA, num_steps=8))
    second = Branch(first, 9, replace(VANILLA, num_steps=3))
    assert torch.equal(run(second)[-1].x_mean, run(VANILLA)[-1].x_mean)


def test_a_state_of_pure_noise_at_the_highest_level_is_the_start_of_a_run():
    """The levels below sigma_max are all of them, so Euler from there has its own grid."""
    assert SDE.below(SDE.sigma_max).share == 1
    assert EULER.levels(SDE, SDE.sigma_max) == EULER.levels(SDE)


@pytest.mark.parametrize(
    ("first", "then"), [(VANILLA, EULER), (HEUN, VANILLA), (EULER, HEUN), (VANILLA, VANILLA)]
)
def test_the_levels_descend_from_the_highest_of_one_to_the_lowest_of_the_other(first, then):
    branch = Branch(first, 4, then)
    levels = branch.levels(SDE)
    assert len(levels) == branch.num_steps + 1
    assert (np.diff(levels) < 0).all()
    np.testing.assert_allclose(levels[:5], first.levels(SDE)[:5])
    np.testing.assert_allclose(levels[-2:], then.levels(SDE)[-2:])


def test_a_single_iteration_goes_from_the_state_to_the_end():
    """Euler's step from sigma to 0 is the denoiser, x + sigma^2 score."""
    before, end = run(Branch(VANILLA, 6, ProbabilityFlow("euler", 1)))[-2:]
    sigma = VANILLA.levels(SDE)[6]
    t = SDE.time(torch.tensor(sigma, dtype=torch.float64)).expand(2)
    expected = before.x + sigma**2 * FIELD(before.x, t)
    torch.testing.assert_close(end.x_mean, expected)


@pytest.mark.parametrize(
    ("first", "after"), [(VANILLA, 5), (EULER, 5), (HEUN, 3), (replace(VANILLA, corrector=None), 5)]
)
def test_the_noise_continues_with_the_network_calls(first, after):
    """The noise of the k-th call is that of every sampler with noise at its k-th call."""
    draws, counts = [], []
    source = seeded_noise([5, 6], device=here())

    def noise(shape):
        draws.append(source(shape))
        return draws[-1]

    def score(x, t):
        counts.append(len(draws))
        return FIELD(x, t)

    run(Branch(first, after, replace(VANILLA, num_steps=3)), noise=noise, score=score)
    calls = first.ends[after - 1]
    assert counts[calls:] == list(range(calls + 1, calls + 7))


@pytest.mark.parametrize(
    "branch", [Branch(VANILLA, 2, HEUN), Branch(ProbabilityFlow("euler", 25), 20, VANILLA)]
)
def test_shared_noise_is_not_kept_for_a_part_that_uses_none(branch):
    drawn, most = [], 0
    source = seeded_noise([5, 6], device=here())

    def noise(shape):
        tensor = source(shape)
        drawn.append(weakref.ref(tensor))
        return tensor

    chain = side_by_side([replace(VANILLA, num_steps=20), branch], SDE, noise=noise, shape=SHAPE)
    for _ in steps(FIELD, chain):
        most = max(most, sum(ref() is not None for ref in drawn))
    assert most <= 4  # the starts and the draws of one iteration, of more than 40


PAIRS = [
    VANILLA,
    replace(VANILLA, corrector=None, num_steps=31),
    replace(VANILLA, num_corrector_steps=3, num_steps=5),
    ProbabilityFlow("heun", 1),
    ProbabilityFlow("heun", 9),
    ProbabilityFlow("euler", 25),
    Branch(VANILLA, 5, HEUN),
    Branch(HEUN, 3, replace(VANILLA, num_corrector_steps=2, num_steps=4)),
    Branch(Branch(EULER, 2, VANILLA), 9, HEUN),
]


@pytest.mark.parametrize("right", range(len(PAIRS)))
@pytest.mark.parametrize("left", range(len(PAIRS)))
def test_the_steps_of_a_comparison_are_known_before_it_runs(left, right):
    samplers = PAIRS[left], PAIRS[right]
    chain = side_by_side(samplers, SDE, noise=torch.zeros, shape=(1, 1, 2, 2))
    yielded = [tuple(s.index for s in pair) for pair in steps(lambda x, t: -x, chain)]
    assert joint_indices(samplers) == yielded


@pytest.mark.parametrize("sampler", PAIRS)
def test_every_iteration_ends_with_the_calls_that_it_reports(sampler):
    chain = sampler.chain(SDE, noise=torch.zeros, shape=(1, 1, 2, 2))
    reported = [step.nfe for step in steps(lambda x, t: -x, chain)]
    assert (list(sampler.ends), sampler.nfe) == (reported, reported[-1])


MODES = theory.Modes(np.array([1e-3, 0.1, 4.0]), np.ones(3), np.array([0.4, 0.2, 0.1]))
ONES = np.ones(3)


def test_the_recursion_of_a_branch_is_a_recursion_by_hand():
    predictor = PredictorCorrector(10, 1e-3, corrector=None)
    *_, last = theory.trajectory(
        MODES, ONES, SDE, Branch(predictor, 6, ProbabilityFlow("euler", 3))
    )
    v, levels = np.full(3, SDE.sigma_max**2), predictor.levels(SDE)
    for t, above, below in zip(predictor.times()[:6], levels, levels[1:], strict=False):
        h = 1 / (MODES.power + float(SDE.sigma(t)) ** 2)
        v = (1 - (above**2 - below**2) * h) ** 2 * v + above**2 - below**2
    t = torch.linspace(float(SDE.time(torch.tensor(levels[6]))), 0, 3)
    sigmas = [*SDE.sigma(t).tolist(), 0]
    for above, below in pairwise(sigmas):
        v = (1 + (below - above) * above / (MODES.power + above**2)) ** 2 * v
    np.testing.assert_allclose(last, v, rtol=1e-6)


SIZE = 32
POWER = inverse_square_power(SIZE, variance=0.06)
RINGS = theory.rings(POWER)
STRONG = FrequencyFilter(1 + 0.5 * radii(SIZE, SIZE) / radii(SIZE, SIZE).max())


@pytest.mark.parametrize(
    "branch",
    [
        Branch(replace(VANILLA, num_steps=40), 20, replace(VANILLA, num_steps=20, m=STRONG)),
        Branch(replace(VANILLA, num_steps=40, m=STRONG), 30, replace(VANILLA, num_steps=4)),
        Branch(replace(VANILLA, num_steps=40), 25, ProbabilityFlow("heun", 5)),
        Branch(ProbabilityFlow("heun", 20), 10, replace(VANILLA, num_steps=10)),
    ],
    ids=["vanilla, PDS", "PDS, vanilla", "vanilla, Heun", "Heun, vanilla"],
)
def test_the_recursion_with_the_gains_of_both_parts_predicts_a_branch(branch):
    """Monte Carlo over 16 images of 3 channels: the power of four octaves.

    The lowest octave has 12 modes, a standard error of sqrt(2 / 576) = 5.9 %. Five standard errors
    (and 1 % for norms that fluctuate) leave a false-failure chance below 1e-4; seeded.
    """
    chain = branch.chain(SDE, noise=seeded_noise(range(16)), shape=(16, 3, SIZE, SIZE))
    images = sample(GaussianField(POWER, SDE), chain)
    measured = theory.rings(power(images).mean(0)).power
    *_, expected = theory.trajectory(RINGS, None, SDE, branch)
    octaves = {
        low: RINGS.count * ((RINGS.radius > 0.99 * low) & (RINGS.radius <= 1.99 * low))
        for low in (1 / 32, 1 / 16, 1 / 8, 1 / 4)
    }
    assert {low: measured @ weight for low, weight in octaves.items()} == {
        low: pytest.approx(expected @ weight, rel=5 * np.sqrt(2 / (48 * weight.sum())) + 0.01)
        for low, weight in octaves.items()
    }


@pytest.mark.parametrize("after", [0, 12])
def test_a_branch_from_an_iteration_that_is_not_there_is_refused(after):
    with pytest.raises(ValueError, match=f"must be a whole number from 1 to 11, got {after}"):
        Branch(VANILLA, after, HEUN)


@pytest.mark.parametrize(
    ("sde", "then", "sentence"),
    [
        (VPSDE(), VANILLA, "continued by another sampler for VE only, not for VPSDE"),
        (SDE, replace(VANILLA, sigmas=(1.0, 20.0)), "below 1, the lowest of the sampler"),
    ],
)
def test_a_state_without_levels_below_it_is_refused_before_any_query(sde, then, sentence):
    first = replace(VANILLA, num_steps=40, predictor=ReverseDiffusion())
    chain = Branch(first, 30, then).chain(sde, noise=torch.zeros, shape=SHAPE)
    with pytest.raises(ValueError, match=sentence):
        next(chain)
