"""The tuned noise levels and snr: no neighbor is better; bad arguments are refused."""

from dataclasses import replace

import numpy as np
import pytest

from pds import theory
from pds.evaluation import gaussian
from pds.kernels import AnnealedLangevin, EulerMaruyama, Langevin, MarginalPreserving
from pds.sampling import PredictorCorrector
from pds.sde import VESDE, VPSDE
from pds.spectra import inverse_square_power
from pds.theory.levels import SNR

VE = VESDE(0.01, 1348.0)
FIELD = theory.bins(inverse_square_power(64, variance=0.06)).with_origin(64**2 * 0.25)
ONES = np.ones(len(FIELD.power))


def sampler(num_steps, **options):
    return PredictorCorrector(num_steps, 1e-5 * 2000 / num_steps, **options)


def w2(*samplers, sde=VE):
    return theory.w2(FIELD, theory.variances(FIELD, ONES, sde, samplers))


@pytest.mark.parametrize("num_steps", [10, 20, 66])
def test_nothing_on_a_fine_grid_around_it_is_better(num_steps):
    tuned = theory.tune_levels(FIELD, VE, sampler(num_steps))
    (lowest, highest), snr = tuned.sigmas, tuned.corrector.snr
    around = [
        replace(
            tuned,
            sigmas=(lowest * low, highest * high),
            corrector=Langevin(min(snr * strength, SNR[1])),
        )
        for low in (0.8, 0.95, 1, 1.05, 1.25)
        for high in (0.8, 0.95, 1, 1.05, 1.25)
        for strength in (0.8, 0.95, 1, 1.05)
    ]
    # Three digits are kept of what is found.
    assert w2(tuned)[0] < 1.003 * w2(*around).min()


@pytest.mark.parametrize(
    "num_steps", [10, 20, *(pytest.param(n, marks=pytest.mark.slow) for n in (40, 66))]
)
def test_it_is_far_better_than_the_published_levels(num_steps):
    """An eighth of the error, also of the best that the corrector alone can do a half."""
    plain = sampler(num_steps)
    both = theory.tune_levels(FIELD, VE, plain)
    levels = theory.tune_levels(FIELD, VE, plain, snr=False)
    snr = theory.tune_levels(FIELD, VE, plain, sigmas=False)
    errors = w2(both, levels, snr, plain)
    assert errors[0] < errors[3] / 5
    assert errors[0] < errors[1] < errors[3]
    assert errors[0] < errors[2] < errors[3]


def test_only_the_requested_settings_are_tuned():
    plain = sampler(20)
    levels = theory.tune_levels(FIELD, VE, plain, snr=False)
    snr = theory.tune_levels(FIELD, VE, plain, sigmas=False)
    assert replace(levels, sigmas=None) == plain
    assert replace(snr, corrector=plain.corrector) == plain


def test_the_noise_starts_above_the_brightest_mode_s_half():
    """Without the mean at k = 0 it would start far below it, where no image is."""
    tuned = theory.tune_levels(FIELD, VE, sampler(20))
    assert tuned.sigmas[1] > 32 / 2
    assert tuned.sigmas[0] < 1


def test_it_is_never_worse_than_the_sampler_that_it_starts_from():
    """Of a model whose own levels are the best ones already."""
    first = theory.tune_levels(FIELD, VE, sampler(20))
    own = VESDE(*first.sigmas)
    again = theory.tune_levels(FIELD, own, replace(first, sigmas=None))
    assert w2(again, sde=own)[0] <= w2(replace(first, sigmas=None), sde=own)[0]


@pytest.mark.parametrize(
    "kernels",
    [
        {"corrector": AnnealedLangevin(0.1)},
        {"corrector": None},
        {"predictor": MarginalPreserving()},
        {"predictor": EulerMaruyama()},
    ],
    ids=["annealed", "no corrector", "marginal-preserving", "euler"],
)
def test_other_kernels_are_tuned_too(kernels):
    plain = sampler(30, **kernels)
    tuned = theory.tune_levels(FIELD, VE, plain)
    assert w2(tuned)[0] < 0.8 * w2(plain)[0]


def test_samplers_in_one_pass_have_the_levels_and_the_strength_of_their_own():
    """As processes of their own, and one by one."""
    several = [
        sampler(12, sigmas=(0.05, 20.0), corrector=Langevin(0.4)),
        sampler(30),
        sampler(20, sigmas=(0.02, 90.0)),
    ]

    def alone(one):
        process = VE if one.sigmas is None else VESDE(*one.sigmas)
        return theory.variances(FIELD, ONES, process, [replace(one, sigmas=None)])[0]

    together = theory.variances(FIELD, ONES, VE, several)
    np.testing.assert_allclose(together, [alone(one) for one in several], rtol=1e-12)


def test_what_has_no_levels_or_no_strength_is_refused():
    with pytest.raises(ValueError, match="tuned for VE only, got VPSDE"):
        theory.tune_levels(FIELD, VPSDE(), sampler(30))
    with pytest.raises(ValueError, match="neither the noise levels nor"):
        theory.tune_levels(FIELD, VE, sampler(30, corrector=None), sigmas=False)


def test_the_strength_of_a_vp_corrector_can_be_tuned():
    plain = sampler(40)
    tuned = theory.tune_levels(FIELD, VPSDE(), plain, sigmas=False)
    assert tuned.sigmas is None
    assert w2(tuned, sde=VPSDE())[0] <= w2(plain, sde=VPSDE())[0]


@pytest.mark.parametrize("model", ["field64", "portraits32"])
@pytest.mark.parametrize("num_steps", [10, 20, 66])
def test_no_step_of_it_turns_the_sign_of_a_mode(model, num_steps):
    """Each kernel multiplies a mode by 1 - e h; the last predictor goes to the data."""
    subject = gaussian.field(model)
    data, tuned = subject.rings, subject.model.tuned(num_steps)
    process, t = tuned.process(subject.model.sde), tuned.times()
    diffusion = process.discretize(t).diffusion
    variance = process.prior_std**2 * np.ones(len(data.power))
    corrected, predicted = [], []
    for std, g in zip(process.marginal(t).std, diffusion, strict=True):
        h = 1 / (data.power + float(std) ** 2)
        size = 2 * tuned.corrector.snr**2 / data.mean(h**2 * variance)
        variance = (1 - size * h) ** 2 * variance + 2 * size
        variance = (1 - float(g) ** 2 * h) ** 2 * variance + float(g) ** 2
        corrected.append(size * h)
        predicted.append(float(g) ** 2 * h)
    np.testing.assert_array_less(corrected, 1)
    np.testing.assert_array_less(predicted[:-1], 1)
