"""What one denoising leaves of planted noise, on scores whose answer is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from pds import filters, models, theory
from pds.evaluation import planted
from pds.evaluation.gaussian import Field
from pds.evaluation.law import theory_grain
from pds.evaluation.planted import SIGMAS, STRENGTHS
from pds.theory import Modes

GRID = np.linspace(0.1, 0.8, len(SIGMAS) * len(STRENGTHS)).reshape(len(SIGMAS), len(STRENGTHS))


@pytest.fixture(scope="module")
def field():
    return Field("clouds", models.field(64))


@pytest.fixture(scope="module")
def pictures(field):
    return torch.stack([field.picture(seed) for seed in range(4)])


@pytest.fixture(scope="module")
def rho(field, pictures):
    return planted.survival(field, field.model.score, pictures)


@pytest.mark.parametrize("row", range(len(SIGMAS)))
def test_an_exact_score_passes_on_the_wiener_filters_share_of_noise(field, rho, row):
    power, weight = field.power, planted.diagonal_weight(field)
    kept = power / (power + SIGMAS[row] ** 2)
    expected = float((weight * kept).sum() / weight.sum())
    # Flat places have less of the steep frequencies, and are few in four pictures.
    assert rho[:, row, 0].mean() == pytest.approx(expected, abs=0.02)


def test_a_linear_score_passes_on_the_same_share_of_any_noise(rho):
    # To the rounding of single precision, in values a hundredth of the picture's.
    assert np.ptp(rho, axis=2).max() < 1e-3


def test_fewer_iterations_leave_more_noise_to_plant(field, pictures):
    many, few = (planted.plant(field, field.model.score, pictures, n) for n in (40, 25))
    assert np.all(np.diff(many.sigma) < 0)
    assert many.sigma[0] <= SIGMAS[0]
    assert 1.2 < many.strength[0] < few.strength[0] - 0.2


def test_the_exact_score_as_a_network_leaves_what_the_linear_one_leaves(field, pictures):
    told, stronger, exact, exact_stronger = planted.plant(
        field, field.gaussian.on("cpu"), pictures, 25
    ).grain
    assert told == pytest.approx(exact)
    assert stronger == pytest.approx(exact_stronger)
    assert np.all(stronger > told)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 4), (7, 7)])
def test_survival_is_interpolated_through_its_table(row, column):
    found = planted.interpolated(GRID, SIGMAS[row], STRENGTHS[column])
    assert found == pytest.approx(GRID[row, column])


def test_survival_is_constant_beyond_its_table():
    assert planted.interpolated(GRID, 100.0, 0.1) == pytest.approx(GRID[0, 0])
    assert planted.interpolated(GRID, 1e-5, 100.0) == pytest.approx(GRID[-1, -1])


def test_without_survival_the_noise_at_the_end_is_the_recursions_for_no_data(field):
    """rho = 0 is a score that takes everything for noise: Gaussian data of power 0."""
    plan = field.plan("vanilla", 20)
    nothing = Modes(np.zeros(1), np.ones(1), np.full(1, 0.5))
    exact = theory.variances(nothing, np.ones(1), field.model.sde, [plan.sampler])
    found = planted.noise_at_the_end(field, plan, np.zeros_like(GRID))
    assert found == pytest.approx(math.sqrt(exact[0, 0]), rel=1e-6, abs=1e-12)


def test_the_more_noise_survives_the_more_is_left_at_the_end(field):
    plan = field.plan("vanilla", 20)
    ends = [planted.noise_at_the_end(field, plan, np.full_like(GRID, rho)) for rho in (0.1, 0.5)]
    assert ends[0] < ends[1]


def test_a_gain_moves_more_noise_out(field):
    rho = np.full_like(GRID, 0.3)
    vanilla, pds = (
        planted.noise_at_the_end(field, field.plan(name, 30), rho) for name in ("vanilla", "pds:5")
    )
    assert pds < vanilla


def test_noise_is_planted_in_images_between_0_and_1_only(field, pictures):
    centered = Field("centered", replace(field.model, centered=True))
    with pytest.raises(ValueError, match="planted in images in"):
        planted.survival(centered, field.model.score, pictures)


@pytest.mark.parametrize("arm", ["vanilla", "pds:5"])
def test_in_theory_grain_does_not_depend_on_the_resolution(arm):
    """Of data with one power law, at the same frequencies in cycles a pixel."""

    def grain(size):
        mask = filters.natural((1, size, size))
        field = Field("law", replace(models.field(64), frequency_mask=mask, space_mask=mask))
        return theory_grain(field, field.plan(arm, 40))

    # The variance of all frequencies is that of natural pictures, so that larger pictures, whose
    # power is spread over more octaves, have a little less at each.
    assert grain(128) == pytest.approx(grain(32), rel=0.02)
