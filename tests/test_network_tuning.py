"""Samplers tuned by the response of a network."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch

from pds.evaluation import responses
from pds.evaluation.gaussian import field
from pds.evaluation.network_tuning import Family, NetworkTuner
from pds.evaluation.prediction import Predictor
from pds.preconditioners import Identity
from pds.theory.levels import SNR
from tools import network_tuned
from tools.theory_tables import EVIDENCE

N = 10
FAMILIES = get_args(Family)


@pytest.fixture(scope="module")
def predictor():
    path = EVIDENCE / "responses" / "portraits32.npz"
    return Predictor(field("portraits32"), responses.load(path))


@pytest.fixture(scope="module")
def tuner(predictor):
    return NetworkTuner(predictor, N)


@pytest.fixture(scope="module")
def best(tuner):
    return {family: tuner.best(family) for family in FAMILIES}


def error(predictor, sampler):
    """What is minimized, in decibel."""
    first = predictor.response.bands.num_octaves
    ratio = (predictor.evolution.final(sampler) / predictor.own)[: first + 1]
    return float(np.sqrt(np.square(10 * np.log10(ratio)).mean()))


@pytest.mark.parametrize("family", FAMILIES)
def test_no_family_is_worse_than_levels_tuned_to_the_spectrum(predictor, tuner, best, family):
    start = predictor.field.plan("tuned", N).sampler
    found = error(predictor, tuner.sampler(family, best[family]))
    # The families with a gain start from one that is nearly 1.
    assert found < error(predictor, start) + 0.05


def test_a_gain_for_each_octave_is_better_than_levels_alone(predictor, tuner, best):
    levels, octaves = (error(predictor, tuner.sampler(f, best[f])) for f in ("levels", "octaves"))
    assert octaves < 0.7 * levels


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tuned_sampler_stays_within_the_process(tuner, best, family):
    sampler = tuner.sampler(family, best[family])
    sde = tuner.predictor.field.model.sde
    low, high = sampler.sigmas
    assert sde.sigma_min <= low < high <= sde.sigma_max
    assert SNR[0] - 1e-9 <= sampler.corrector.snr <= SNR[1] + 1e-9
    assert sampler.num_steps == N


def test_levels_alone_have_no_gain(tuner, best):
    assert isinstance(tuner.sampler("levels", best["levels"]).m, Identity)


def test_the_brightness_is_not_preconditioned(tuner, best):
    gain = tuner.sampler("octaves", best["octaves"]).m.mode_gain()
    torch.testing.assert_close(gain[..., 0, 0], torch.ones_like(gain[..., 0, 0]))


def test_without_a_langevin_corrector_there_is_nothing_to_tune(predictor):
    model = predictor.field.model
    plain = replace(predictor.field, model=replace(model, corrector=None))
    with pytest.raises(ValueError, match="Langevin corrector"):
        NetworkTuner(Predictor(plain, predictor.response), N).best("levels")


def test_every_network_is_tuned_by_its_own_response_and_levels_by_another_ones_too():
    jobs = list(network_tuned.jobs(["portraits32", "portraits64"], [25]))
    own = [job for job in jobs if job.by == job.drawn_with]
    assert {(job.family, job.drawn_with) for job in own} == {
        (family, name) for family in FAMILIES for name in ("portraits32", "portraits64")
    }
    assert {job.cell.arm for job in jobs if job.by != job.drawn_with} == {
        "by-portraits32-levels",
        "by-portraits32-constant",
        "by-portraits64-levels",
        "by-portraits64-constant",
    }
