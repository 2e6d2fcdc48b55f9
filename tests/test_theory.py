"""The exact recursion against the kernels it describes, and against the sampler itself."""

import numpy as np
import pytest

from pds import filters, theory
from pds.diagnostics import power, radii
from pds.kernels import (
    Ancestral,
    AnnealedLangevin,
    EulerMaruyama,
    Langevin,
    MarginalPreserving,
    ReverseDiffusion,
)
from pds.preconditioners import FrequencyFilter
from pds.sampling import Sampler, sample, seeded_noise, steps
from pds.scores import GaussianField, inverse_square_power
from pds.sde import VESDE, VPSDE, SubVPSDE

SIZE = 32
POWER = inverse_square_power(SIZE, variance=0.06)
MODES = theory.rings(POWER)
VE = VESDE(0.01, 1348.0)
PAIRS = {
    "published": (ReverseDiffusion(), Langevin(0.15)),
    "marginal-preserving": (MarginalPreserving(), Langevin(0.15)),
    "euler": (EulerMaruyama(), None),
    "annealed": (ReverseDiffusion(), AnnealedLangevin(0.15)),
    "corrector alone": (None, Langevin(0.15)),
}


def full_gain():
    """A gain that grows with frequency, as the published one does, from 1 to 1.25."""
    return 1 + 0.25 * radii(SIZE, SIZE) / radii(SIZE, SIZE).max()


def ring_gain(gain):
    return theory.rings(gain).power


def sampler(num_steps, pair="published"):
    predictor, corrector = PAIRS[pair]
    eps = 1e-5 * 2000 / num_steps
    return Sampler(num_steps=num_steps, eps=eps, predictor=predictor, corrector=corrector)


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("sde", [VE, VPSDE(), SubVPSDE()], ids=["ve", "vp", "sub-vp"])
def test_the_recursion_predicts_the_sampler_on_a_gaussian_field(sde, pair):
    """Monte Carlo over 16 images: power in the four octaves, each a mean of 16 x 3 x n modes.

    The lowest octave has 12 modes, a standard error of sqrt(2 / 576) = 5.9 %, the others at most
    3 %. Five standard errors (and 1 % for norms that fluctuate) leave a false-failure chance below
    1e-5 over all cases; seeded, so it cannot flicker.
    """
    chain = steps(
        GaussianField(POWER, sde), sde, sampler=sampler(50, pair), noise=seeded_noise(range(16)),
        shape=(16, 3, SIZE, SIZE), preconditioner=FrequencyFilter(full_gain()),
    )  # fmt: skip
    measured = power(sample(chain)).mean(0)
    expected = theory.variances(MODES, ring_gain(full_gain()), sde, [sampler(50, pair)])[0]
    rings = theory.rings(measured)
    for low in (1 / 64, 1 / 16, 1 / 8, 1 / 4):
        octave = (MODES.radius > low) & (MODES.radius <= 2 * max(low, 1 / 32))
        weight = MODES.count * octave
        tolerance = 5 * np.sqrt(2 / (48 * weight.sum())) + 0.01
        assert rings.power @ weight == pytest.approx(expected @ weight, rel=tolerance)


def test_the_step_by_step_recursion_ends_where_the_whole_one_does():
    *_, last = theory.trajectory(MODES, ring_gain(full_gain()), VE, sampler(30))
    whole = theory.variances(MODES, ring_gain(full_gain()), VE, [sampler(30)])[0]
    np.testing.assert_array_equal(last, whole)


def test_many_iteration_counts_at_once_are_each_alone():
    counts, ones = [33, 200, 2, 66], np.ones(len(MODES.power))
    together = theory.variances(MODES, ones, VE, [sampler(n) for n in counts])
    alone = [theory.variances(MODES, ones, VE, [sampler(n)])[0] for n in counts]
    np.testing.assert_allclose(together, alone, rtol=1e-12)


def test_data_have_no_distance_to_themselves_and_no_noise_left():
    assert theory.w2(MODES, MODES.power) == 0
    assert theory.noise_left(MODES, MODES.power) == 1


def test_the_distance_is_that_of_the_standard_deviations():
    assert theory.w2(MODES, (np.sqrt(MODES.power) + 0.1) ** 2) == pytest.approx(0.1)


def test_rings_keep_every_mode_but_the_mean():
    assert MODES.count.sum() == SIZE**2 - 1
    assert MODES.count @ MODES.power == pytest.approx(float(POWER.sum() - POWER[0, 0]))


def test_few_iterations_favor_pds_and_many_favor_vanilla():
    """The crossover, on 1/f^2 images of 256 px with the published filter at alpha = 5."""
    power = inverse_square_power(256, variance=0.06)
    total = power * 256**2
    total[0, 0] += (0.5 * 256**2) ** 2
    modes = theory.rings(power)
    gain = ring_gain(filters.gain(total.log1p(), 5))
    runs = [sampler(66), sampler(2000)]
    vanilla, pds = (
        theory.w2(modes, theory.variances(modes, g, VE, runs))
        for g in (np.ones(len(modes.power)), gain)
    )
    assert pds[0] < vanilla[0] / 3
    assert vanilla[1] < pds[1] / 1.5


def test_kernels_without_a_recursion_and_mixed_kernels_are_refused():
    ones = np.ones(len(MODES.power))
    with pytest.raises(ValueError, match="Ancestral has no scalar recursion"):
        theory.variances(MODES, ones, VE, [Sampler(5, 1e-3, predictor=Ancestral())])
    with pytest.raises(ValueError, match="share their kernels"):
        theory.variances(MODES, ones, VE, [sampler(5), sampler(5, "annealed")])
