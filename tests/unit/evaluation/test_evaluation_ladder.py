"""`pds ladder`: numbers relative to the network's own images, and its sentences."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from pds import models
from pds.appearance import Appearance, Relative
from pds.evaluation import ladder
from pds.evaluation.ladder import GRAINY, SMOOTH, Rung
from pds.models import compare_request, load_model
from pds.request import Request

OWN = "the network's own images"


def measured(grain):
    """Rungs with these grains of vanilla and PDS, by N."""
    return [Rung(n, *(Relative(value, 1.0) for value in both)) for n, both in grain.items()]


def test_a_rung_is_measured_over_the_pictures_of_all_runs():
    (rung,) = ladder.rungs("field64", [20], num_runs=2)
    requests = [Request("field64", 20, num_images=8, seed=seed) for seed in (0, 8)]
    last = [list(compare_request(request))[-1] for request in requests]
    own = load_model("field64").references.network
    images = [torch.cat([step.x_mean for step in steps]) for steps in zip(*last, strict=True)]
    expected = np.array([Appearance.of(side).relative_to(own) for side in images])
    assert np.array(rung[1:]) == pytest.approx(expected, rel=1e-4)


def test_a_model_without_a_measurement_is_refused():
    name = models.visitor_models.add(replace(load_model("field64"), references=None))
    with pytest.raises(ValueError, match="no grain and contrast are recorded"):
        next(ladder.rungs(name, [2], num_runs=1))


def test_the_sentence_says_where_grain_begins_and_where_pds_is_smoother():
    rungs = measured({25: (2.9, 1.37), 100: (1.1, 0.8), 66: (1.3, 0.84), 40: (1.6, 0.98)})
    assert ladder.sentence(rungs, OWN) == (
        "vanilla is grainy at N = 66 and below; PDS is grainy at N = 25; PDS is smoother than the "
        "network's own images at N = 66 and above"
    )


def test_where_nothing_is_grainy_or_smooth_the_sentence_says_none():
    assert ladder.sentence(measured({66: (1.1, 1.0), 40: (1.2, 1.1)}), OWN) == (
        "vanilla is grainy at none of these N; PDS is grainy at none of these N; PDS is smoother "
        "than the network's own images at none"
    )


def test_a_sampler_that_diverged_counts_as_grainy():
    said = ladder.sentence(measured({20: (math.nan, math.nan), 40: (1.5, 1.0)}), OWN)
    assert said.startswith("vanilla is grainy at N = 40 and below; PDS is grainy at N = 20")


def test_counts_that_are_not_neighbors_are_listed():
    rungs = measured({100: (1, 0.8), 66: (1, 0.9), 40: (1, 0.8), 25: (1, 1.0)})
    assert ladder.sentence(rungs, OWN).endswith("at N = 100, 40")


def test_the_bounds_themselves_are_neither_grainy_nor_smooth():
    rungs = measured({50: (GRAINY, SMOOTH)})
    assert ladder.sentence(rungs, OWN).count("none") == 3
