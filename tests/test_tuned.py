"""M tuned to the number of iterations that is asked for, whatever the model and the N."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pds import experiments, story, theory, tuned, tuned_record
from pds.diagnostics import radial
from pds.experiments import Request, compare_request, load, predict, run_chains
from pds.kernels import Ancestral
from pds.ncsnpp import ModelCard, NCSNppConfig
from pds.portraits import portraits
from pds.preconditioners import FrequencyFilter, Identity
from pds.sde import VESDE
from pds.story import COUNTS

TUNED = Request("field64", 20, num_images=2, seed=3, tuned=True)


@pytest.fixture(scope="module")
def brought():
    """The name of a model that a visitor made of pictures."""
    return experiments.brought.add(experiments.from_images(portraits(range(20), size=32)))


def errors(model, num_steps, *gains):
    """The exact error of each gain (C, H, W)."""
    field = story.Field(model, load(model))
    binned = [theory.bins(gain.double().mean(0)).power for gain in gains]
    return field.w2(np.stack(binned), (num_steps,))[:, 0]


@pytest.mark.parametrize("num_steps", [1, 2, 3, 12, 22, 67, 1999, 2000])
def test_it_is_at_every_n_at_least_as_good_as_vanilla_and_pds(num_steps, brought):
    for model in ("portraits32", brought):
        request = Request(model, num_steps)
        gains = [
            load(model).frequency_gain(replace(request, **changes))
            for changes in ({"tuned": True}, {}, {"frequency": False})
        ]
        best, pds, vanilla = errors(model, num_steps, *gains)
        # On the grid a gain is interpolated between its bins, which costs next to nothing.
        assert best <= 1.001 * min(pds, vanilla) + 1e-6


def test_it_is_the_recorded_gain_where_one_is_recorded():
    gain = load("field64").frequency_gain(replace(TUNED, num_steps=25))
    recorded = tuned_record.load("field64").gains[COUNTS.index(25)]
    # Averaged over a bin, of which the record has the value in the middle.
    np.testing.assert_allclose(theory.bins(gain[0].double()).power, recorded, rtol=0.01)


def test_a_tuned_comparison_is_the_chains_with_the_tuned_m():
    model = load("field64")
    m = tuned.preconditioner(model.frequency_mask, model.sde, model.sampler(20))
    *_, (vanilla, ours) = run_chains(TUNED, (Identity(), FrequencyFilter(m.gain)))
    *_, pair = compare_request(TUNED)
    assert torch.equal(pair.vanilla.x_mean, vanilla.x_mean)
    assert torch.equal(pair.pds.x_mean, ours.x_mean)


def test_with_it_alpha_and_filters_change_nothing():
    m = load("field64").preconditioner(TUNED)
    other = replace(TUNED, alpha=1.5, frequency=False, space=True)
    assert load("field64").preconditioner(other) is m


def test_the_exact_prediction_is_that_of_the_tuned_gain():
    """At N = 20 vanilla has 1.9 times the fine power of the data, the best gain theirs."""
    *_, (vanilla, ours) = predict(TUNED)
    data = radial(load("field64").data_power)
    fine = data.radii > 0.25
    assert vanilla.power[fine].sum() > 1.8 * data.power[fine].sum()
    assert ours.power[fine].sum() == pytest.approx(data.power[fine].sum(), rel=0.05)


def test_a_network_on_minus_one_to_one_has_four_times_the_power():
    cards = [
        ModelCard(NCSNppConfig(image_size=8, centered=centered), VESDE(), 2000, 0.15)
        for centered in (False, True)
    ]
    mask = load("portraits32").frequency_mask
    plain, centered = (tuned.spectrum(mask, amplitude=card.amplitude).power for card in cards)
    np.testing.assert_allclose(centered, 4 * plain)


def test_what_cannot_take_an_m_cannot_be_tuned():
    model = load("field64")
    sampler = replace(model.sampler(5), predictor=Ancestral())
    with pytest.raises(ValueError, match=r"cannot take a preconditioner.*use reverse_diffusion"):
        tuned.preconditioner(model.frequency_mask, model.sde, sampler)
