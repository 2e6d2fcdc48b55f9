"""The sampler tuned to the requested N, for every model and N."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pds import filters, models, theory
from pds.evaluation import gaussian, tuned_record
from pds.evaluation.gaussian import COUNTS
from pds.kernels import Ancestral, Langevin
from pds.models import compare_request, load_model, run_chains
from pds.portraits import portraits
from pds.preconditioners import Identity
from pds.request import Request
from pds.scores.ncsnpp import ModelCard, NCSNppConfig
from pds.sde import VESDE, VPSDE
from pds.spectra import radial
from pds.theory import tuned
from pds.web.exact import predict

TUNED = Request("field64", 20, num_images=2, seed=3, tuned=True)
SLOW = [pytest.param(n, marks=pytest.mark.slow) for n in (2, 22, 199, 200)]


@pytest.fixture(
    params=["portraits32", "field64", pytest.param("brought", marks=pytest.mark.slow)],
    scope="module",
)
def model(request):
    """The name of a model; one is made of a visitor's pictures."""
    if request.param != "brought":
        return request.param
    return models.visitor_models.add(models.from_images(portraits(range(20), size=32)))


@pytest.mark.parametrize("num_steps", [1, 3, 12, 67, *SLOW])
def test_it_is_at_every_n_better_than_vanilla_and_pds(num_steps, model):
    """On Gaussian data; with so few iterations as 3 there is little to choose."""
    field = gaussian.Field(model, load_model(model))
    requests = [Request(model, num_steps, tuned=t, frequency=f) for t, f in
                ((True, True), (False, True), (False, False))]  # fmt: skip
    plans = [load_model(model).plans(request)[1] for request in requests]
    gains = np.stack([plan.gain for plan in plans])
    samplers = [plan.sampler for plan in plans]
    variance = theory.variances(field.data, gains, load_model(model).sde, samplers)
    best, pds, vanilla = theory.w2(field.data, variance)
    assert best <= (0.7 if num_steps > 3 else 1) * min(pds, vanilla)
    assert best <= (0.4 if num_steps > 3 else 1) * vanilla


def test_a_tuned_comparison_is_the_chains_with_the_tuned_sampler():
    model = load_model("field64")
    sampler = tuned.sampler(model.frequency_mask, model.sde, model.sampler(20))
    *_, (vanilla, ours) = run_chains(TUNED, lambda device: (model.sampler(20), sampler))
    *_, pair = compare_request(TUNED)
    assert torch.equal(pair.vanilla.x_mean, vanilla.x_mean)
    assert torch.equal(pair.pds.x_mean, ours.x_mean)
    assert not torch.equal(pair.pds.x_mean, pair.vanilla.x_mean)


def test_it_has_no_filter_and_alpha_changes_nothing():
    model = load_model("field64")
    assert model.method(TUNED).m == Identity()
    assert (model.plans(TUNED)[1].gain == 1).all()
    other = replace(TUNED, alpha=1.5, frequency=False, space=True)
    assert model.method(other) == model.method(TUNED)


def test_the_exact_prediction_is_that_of_the_tuned_sampler():
    """At N = 20 vanilla has 1.9 times the fine power of the data, tuned theirs."""
    *_, (vanilla, ours) = predict(TUNED)
    data = radial(load_model("field64").data_power)
    fine = data.radii > 0.25
    assert vanilla.power[fine].sum() > 1.8 * data.power[fine].sum()
    assert ours.power[fine].sum() == pytest.approx(data.power[fine].sum(), rel=0.05)


def test_the_tuned_gain_is_the_recorded_one_where_one_is_recorded():
    model = load_model("field64")
    gain = tuned.gain(model.frequency_mask, model.sde, model.sampler(25)).gain
    recorded = tuned_record.load("field64").gains[COUNTS.index(25)]
    # Averaged over a bin, of which the record has the value in the middle.
    np.testing.assert_allclose(theory.bins(gain[0].double()).power, recorded, rtol=0.01)


@pytest.mark.parametrize("num_steps", [3, 12, 67, *SLOW])
@pytest.mark.parametrize(
    "model", [pytest.param("portraits32", marks=pytest.mark.slow), "brought"], indirect=True
)
def test_the_tuned_gain_is_at_least_as_good_as_vanilla_and_pds(num_steps, model):
    experiment = load_model(model)
    field = gaussian.Field(model, experiment)
    at = experiment.sampler(num_steps)
    gain = tuned.gain(experiment.frequency_mask, experiment.sde, at).gain.cpu()
    published = filters.gain(experiment.frequency_mask, 5)
    planes = (gain, published, torch.ones_like(gain))
    gains = [theory.bins(plane.double().mean(0)).power for plane in planes]
    best, pds, vanilla = field.w2(np.stack(gains), (num_steps,))[:, 0]
    # On the grid a gain is interpolated between its bins, which costs next to nothing.
    assert best <= 1.001 * min(pds, vanilla) + 1e-6


def test_a_network_on_minus_one_to_one_has_four_times_the_power():
    cards = [
        ModelCard(NCSNppConfig(image_size=8, centered=centered), VESDE(), 2000, 0.15)
        for centered in (False, True)
    ]
    mask = load_model("portraits32").frequency_mask
    plain, centered = (tuned.spectrum(mask, amplitude=card.amplitude).power for card in cards)
    np.testing.assert_allclose(centered, 4 * plain)


def test_on_minus_one_to_one_the_noise_need_not_start_so_high():
    """Portraits are about half bright, so that their mean there is nearly 0."""
    model = load_model("portraits32")
    at = model.sampler(20)
    plain, centered = (
        tuned.sampler(model.frequency_mask, model.sde, at, amplitude=amplitude).sigmas[1]
        for amplitude in (1.0, 2.0)
    )
    assert centered < plain


def test_what_it_cannot_be_tuned_for_is_refused():
    model = load_model("field64")
    at = replace(model.sampler(5), predictor=Ancestral())
    with pytest.raises(ValueError, match=r"cannot take a preconditioner.*use reverse_diffusion"):
        tuned.gain(model.frequency_mask, model.sde, at)
    with pytest.raises(ValueError, match="VE only"):
        tuned.sampler(model.frequency_mask, VPSDE(), at)


def test_an_ancestral_sampler_has_levels_to_tune():
    model = load_model("field64")
    at = replace(model.sampler(20), predictor=Ancestral(), corrector=Langevin(0.15))
    assert tuned.sampler(model.frequency_mask, model.sde, at).sigmas[1] < 200
