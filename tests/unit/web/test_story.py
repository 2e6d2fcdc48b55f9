"""The numbers of the story: closed forms, laws, and agreement among its steps."""

import numpy as np
import pytest
import torch

from pds import filters, spectra, theory
from pds.evaluation import gaussian
from pds.evaluation.gaussian import ALPHAS, COUNTS, crossings, field
from pds.models import load_model
from pds.web.tabs.story import tab as story_tab

FIELD = field("field64")


@pytest.mark.parametrize("alpha", [None, 5.0])
def test_a_followed_run_ends_at_the_error_of_its_n(alpha):
    sigma, std = gaussian.frequency_states(FIELD, alpha, 66)
    gain = np.ones(len(FIELD.data.power)) if alpha is None else FIELD.gain(alpha)
    # Rings here and bins there, which agree within 0.5 %.
    error = float(theory.w2(FIELD.rings, std[-1] ** 2))
    assert error == pytest.approx(FIELD.w2(gain, (66,))[0], rel=0.005)
    assert sigma[-1] == 0
    assert sigma[0] < 1348


def test_a_long_run_keeps_every_frequency_at_its_marginal():
    """The Langevin step itself leaves about 1 %, at any N."""
    sigma, std = gaussian.frequency_states(FIELD, None, 2000)
    exact = np.sqrt(FIELD.rings.power + sigma[200:, None] ** 2)
    np.testing.assert_allclose(std[200:], exact, rtol=0.05)


@pytest.mark.parametrize("model", story_tab.FIELDS)
@pytest.mark.parametrize("alpha", [None, 3.0])
def test_the_lag_of_a_few_frequencies_is_that_of_all(model, alpha):
    """The bins that set its step sizes agree with the rings within 0.3 %."""
    subject = field(model)
    at = [gaussian.ring(subject, radius) for radius in gaussian.RADII]
    sigma, std = gaussian.frequency_states(subject, alpha, 25)
    few_sigma, few = gaussian.lag(subject, alpha, 25)
    np.testing.assert_array_equal(few_sigma, sigma)
    np.testing.assert_allclose(few, std[:, at], rtol=0.003)


def test_few_steps_leave_every_frequency_about_the_same_excess():
    _, std = gaussian.frequency_states(FIELD, None, 25)
    ratio = std[-1] / np.sqrt(FIELD.rings.power)
    assert 1.15 < ratio.min() < ratio.max() < 1.31


@pytest.mark.parametrize("model", story_tab.FIELDS)
def test_every_field_has_modes_at_the_frequencies_to_follow(model):
    radii = field(model).rings.radius
    assert [r for r in gaussian.RADII if not np.abs(radii - r).min() < 1e-6] == []


def test_curves_that_are_powers_of_n_cross_where_they_are_equal():
    n = np.array(COUNTS, dtype=float)
    (place,) = crossings(COUNTS, 3 * n**-1.0, 0.1 * n**-0.3)
    assert place == pytest.approx(30 ** (1 / 0.7))
    assert crossings(COUNTS, 2 * n**-1.0, n**-1.0) == []


def test_an_almost_flat_filter_errs_like_vanilla():
    exact = gaussian.errors(FIELD, 1000.0)
    np.testing.assert_allclose(exact.curves["PDS"], exact.curves["vanilla"], rtol=0.05)


def test_inverting_and_shuffling_change_nothing_where_all_gains_are_one():
    one = np.ones(len(FIELD.data.power))
    counts = (25, 66)
    # Half octaves here and finer bins there.
    np.testing.assert_allclose(FIELD.shuffled_w2(one, counts), FIELD.w2(one, counts), rtol=0.02)


def test_shuffled_gains_have_the_energy_of_the_filter():
    """Ten groups stand for all gains: the mean of their squares is theirs to 1 %."""
    gain = FIELD.gain(5.0)
    shares = gaussian.dealt(FIELD.data, gain)
    assert float(np.mean(shares**2)) == pytest.approx(float(FIELD.data.mean(gain**2)[0]), rel=0.01)


def test_the_map_and_the_curves_are_one_computation():
    exact, grid = gaussian.errors(FIELD, 5.0), gaussian.advantage(FIELD)
    row = ALPHAS.index(5.0)
    expected = np.log10(exact.curves["vanilla"] / exact.curves["PDS"])
    np.testing.assert_allclose(grid[row], expected, rtol=1e-9)
    assert grid.shape == (len(ALPHAS), len(COUNTS))


def test_a_run_stopped_at_its_end_is_a_run_that_ended():
    two = gaussian.clocks(FIELD, 20, 20)
    assert torch.equal(*two.pictures)
    assert two.left[0] == two.left[1]
    assert two.sigmas[0][-1] == 0


def test_halfway_through_a_run_the_noise_is_halfway_down_in_the_logarithm():
    two = gaussian.clocks(FIELD, 33, 17)
    assert two.sigmas[0][15] == pytest.approx((1348 * 0.01) ** 0.5, rel=0.02)
    assert two.left[0] > 100 * two.left[1]


def test_samplers_side_by_side_take_the_steps_of_each_alone():
    """Also after the first of them has ended, and with a gain of their own."""
    gains = np.stack([FIELD.gain(5.0), np.ones(len(FIELD.data.power)), FIELD.gain(3.0)])
    samplers = [FIELD.model.sampler(n) for n in (9, 4, 9)]
    followed = [[], [], []]
    for step in theory.trajectories(FIELD.data, gains, FIELD.model.sde, samplers):
        for row, variance in zip(step.rows, step.variance, strict=True):
            followed[row].append(variance)
    for gain, sampler, found in zip(gains, samplers, followed, strict=True):
        alone = list(theory.trajectory(FIELD.data, gain, FIELD.model.sde, sampler))
        np.testing.assert_allclose(found, alone, rtol=1e-12)


@pytest.mark.parametrize("model", story_tab.FIELDS)
def test_groups_of_like_power_hold_every_mode_once(model):
    every, groups = theory.modes(field(model).power), field(model).groups
    assert groups.count.sum() == len(every.power)
    assert groups.power @ groups.count == pytest.approx(every.power.sum())
    assert groups.power[[0, -1]] == pytest.approx([every.power.min(), every.power.max()])


@pytest.mark.parametrize("model", story_tab.FIELDS)
def test_groups_of_like_power_stand_stand_for_every_mode(model):
    """The clocks' shares of fine detail are those of a run that follows each mode, to 0.3 %."""
    subject = field(model)
    every = theory.modes(subject.power)
    ones = np.ones(len(every.power))
    run = theory.trajectory(every, ones, subject.model.sde, subject.model.sampler(25))
    exact = [theory.noise_left(every, variance) for variance in run]
    two = gaussian.clocks(subject, 25, 12)
    assert two.left[0] == pytest.approx(float(exact[11]), rel=0.003)
    ended = gaussian.clocks(subject, 400, 25)
    assert ended.left[1] == pytest.approx(float(exact[24]), rel=0.003)


def test_a_drawn_picture_has_the_spectrum_of_its_law():
    """4,095 modes above k = 0: five standard errors of the mean ratio are 11 %."""
    variance = theory.modes(FIELD.power).power
    drawn = spectra.power(FIELD.draw(variance, seed=1)[None])[0].flatten()[1:]
    assert float((drawn / FIELD.power.flatten()[1:]).mean()) == pytest.approx(1, abs=0.11)


@pytest.mark.parametrize("model", story_tab.FIELDS)
def test_the_gain_of_a_field_is_that_of_the_published_mask(model):
    gain = filters.gain(load_model(model).frequency_mask, 3.0).double().mean(0)
    mean = field(model).data.mean(field(model).gain(3.0))[0]
    assert mean == pytest.approx(float(gain.flatten()[1:].mean()), rel=1e-6)
