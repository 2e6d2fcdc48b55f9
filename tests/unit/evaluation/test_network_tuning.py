"""Samplers tuned by the response of a network."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from pds.evaluation import network_tuning
from pds.evaluation.gaussian import field
from pds.evaluation.network_tuning import NAMES
from pds.evaluation.prediction import Predictor
from pds.evaluation.store import NETWORK
from pds.preconditioners import Identity
from pds.sde import VPSDE
from pds.theory import Bands, response_file
from pds.theory.levels import SNR
from pds.theory.network_tuning import GAINS, octave_gain, require_tunable
from tools import network_tuned
from tools.theory_tables import EVIDENCE

N = 10
FAMILIES = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in ("levels", "octaves") else pytest.mark.slow)
        for name in NAMES
    ],
)


@pytest.fixture(scope="module")
def predictor():
    path = EVIDENCE / "responses" / "portraits32.npz"
    return Predictor(field("portraits32"), response_file.load(path))


@pytest.fixture(scope="module")
def model(predictor):
    return predictor.field.model


@pytest.fixture(scope="module")
def best(predictor, model):
    """The tuned sampler of a family, by its name."""

    @cache
    def tuned(name):
        settings = network_tuning.tune(name, predictor, N)
        return network_tuning.sampler(name, model, N, settings)

    return tuned


def error(predictor, sampler):
    """What is minimized, in decibel."""
    first = predictor.response.bands.num_octaves
    ratio = (predictor.evolution.final(sampler) / predictor.own)[: first + 1]
    return float(np.sqrt(np.square(10 * np.log10(ratio)).mean()))


@FAMILIES
def test_no_family_is_worse_than_levels_tuned_to_the_spectrum(predictor, best, name):
    spectrum = predictor.field.plan("tuned", N).sampler
    # The families with a gain start from one that is nearly 1.
    assert error(predictor, best(name)) < error(predictor, spectrum) + 0.05


def test_a_gain_for_each_octave_is_better_than_levels_alone(predictor, best):
    assert error(predictor, best("octaves")) < 0.7 * error(predictor, best("levels"))


@FAMILIES
def test_a_tuned_sampler_stays_within_the_process(model, best, name):
    low, high = best(name).sigmas
    assert model.sde.sigma_min <= low < high <= model.sde.sigma_max
    assert SNR[0] - 1e-9 <= best(name).corrector.snr <= SNR[1] + 1e-9
    assert best(name).num_steps == N


def test_levels_alone_have_no_gain(best):
    assert isinstance(best("levels").m, Identity)


def test_the_brightness_is_not_preconditioned_and_every_octave_stays_in_range(best):
    gain = best("octaves").m.mode_gain()
    torch.testing.assert_close(gain[..., 0, 0], torch.ones_like(gain[..., 0, 0]))
    assert GAINS[0] - 1e-6 <= gain.min() < 1 < gain.max() <= GAINS[1] + 1e-6


def test_the_gain_of_an_octave_is_reached_at_its_mean_frequency():
    bands = Bands(32, 32)
    gain = octave_gain([0.8, 0.9, 1.0, 1.05, 1.1], bands)
    means = [float(gain[bands.octave == k].mean()) for k in range(1, bands.num_octaves)]
    assert means == sorted(means)
    assert gain.max() == pytest.approx(1.1) and gain[0, 0] == 1
    assert float(gain[0, 1]) == pytest.approx(0.8)
    with pytest.raises(ValueError, match="have 5 octaves, got 1 gains"):
        octave_gain([1.0], bands)


def test_other_samplers_and_processes_are_refused(predictor, model):
    plain = replace(predictor.field, model=replace(model, corrector=None))
    with pytest.raises(ValueError, match="Langevin corrector"):
        network_tuning.tune("levels", Predictor(plain, predictor.response), N)
    with pytest.raises(ValueError, match="for VE only, got VPSDE"):
        require_tunable(model.sampler(N), VPSDE())


def test_the_networks_own_pictures_are_those_that_are_sampled(predictor):
    sampled = predictor.field.plan(*NETWORK.drawn_by).sampler
    np.testing.assert_array_equal(predictor.own, predictor.evolution.final(sampled))


def test_every_network_is_tuned_by_its_own_response_and_levels_by_another_ones_too():
    jobs = list(network_tuned.jobs(["portraits32", "portraits64"], [25]))
    own = [job for job in jobs if job.by == job.drawn_with]
    assert {(job.family, job.drawn_with) for job in own} == {
        (family, name) for family in NAMES for name in ("portraits32", "portraits64")
    }
    assert {job.cell.arm for job in jobs if job.by != job.drawn_with} == {
        "by-portraits32-levels",
        "by-portraits32-constant",
        "by-portraits64-levels",
        "by-portraits64-constant",
    }
