"""The share of planted noise that one denoising leaves, with scores of known response."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pds import filters, models
from pds.evaluation import planted
from pds.evaluation.gaussian import Field
from pds.evaluation.law import theory_grain
from pds.evaluation.planted import LARGEST_SIGMA


@pytest.fixture(scope="module")
def field():
    return Field("clouds", models.field(64))


@pytest.fixture(scope="module")
def pictures(field):
    return torch.stack([field.picture(seed) for seed in range(4)])


def test_fewer_iterations_leave_more_noise_to_plant(field, pictures):
    many, few = (planted.plant(field, field.model.score, pictures, n) for n in (40, 25))
    assert np.all(np.diff(many.sigma) < 0)
    assert many.sigma[0] <= LARGEST_SIGMA
    assert 1.2 < many.strength[0] < few.strength[0] - 0.2


def test_the_exact_score_as_a_network_leaves_what_the_linear_one_leaves(field, pictures):
    matched, stronger, exact, exact_stronger = planted.plant(
        field, field.gaussian.on("cpu"), pictures, 25
    ).grain
    assert matched == pytest.approx(exact)
    assert stronger == pytest.approx(exact_stronger)
    assert np.all(stronger > matched)


def test_noise_is_planted_in_images_between_0_and_1_only(field, pictures):
    centered = Field("centered", replace(field.model, centered=True))
    with pytest.raises(ValueError, match="planted in images in"):
        planted.plant(centered, field.model.score, pictures, 25)


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
