"""Networks that were trained on N noise levels and get the index of a level."""

import math
from dataclasses import replace

import pytest
import torch

from pds.sampling import PredictorCorrector
from pds.scores import checkpoints
from pds.scores.ncsnpp import ModelCard, NCSNppConfig, NetworkScore
from pds.sde import VESDE, VPSDE, SubVPSDE

TINY = NCSNppConfig(
    image_size=8, nf=8, ch_mult=(1, 2), num_res_blocks=1, attn_resolutions=(4,), progressive="none",
    embedding_type="positional",
)  # fmt: skip
# The architectures of ve/cifar10_ncsnpp and vp/cifar10_ddpmpp, small.
VE = ModelCard(
    replace(TINY, progressive_input="residual"),
    VESDE(0.01, 50.0),
    num_scales=1000,
    conditioning="discrete",
)
VP = ModelCard(
    replace(TINY, progressive_input="none", fir=False, scale_by_sigma=False, centered=True),
    VPSDE(),
    num_scales=1000,
    conditioning="discrete",
)


def with_waves_as_weights(card):
    """A network whose weights need no random numbers."""
    score = NetworkScore(card).eval().requires_grad_(False)
    for i, parameter in enumerate(score.network.parameters()):
        wave = torch.arange(parameter.numel(), dtype=torch.float64) * 0.7 + i
        parameter.copy_(0.2 * wave.sin().reshape(parameter.shape))
    return score


def given_to_the_network(card, t):
    """Index and sigma that the network is called with, and the score where its output is 1."""
    score, calls = NetworkScore(card), []

    def network(x, level, sigma=None):
        calls.append((level, sigma))
        return torch.ones_like(x)

    score.network.forward = network
    value = score(torch.zeros(len(t), 3, 8, 8, dtype=torch.float64), t)[:, 0, 0, 0]
    return *calls[0], value


@pytest.mark.parametrize(
    ("card", "times", "expected"),
    [
        (VE, [0.3, 0.87654],
         [-1.54561, -0.729878, -1.56063, -0.719512, -0.0118357, -0.0104464,
          -0.00629734, -0.009412]),
        (VP, [400 / 999, 1.0],
         [-0.068024, -0.110474, -0.0893604, 0.0752991, -0.201756, -0.232711, 0.0828402, 0.0605442]),
    ],
    ids=["ve", "vp"],
)  # fmt: skip
def test_the_score_is_that_of_the_published_code(card, times, expected):
    """Recorded from get_score_fn of score_sde_pytorch in float32, with these weights and images."""
    x = torch.arange(2 * 3 * 64, dtype=torch.float64).sin().reshape(2, 3, 8, 8).float()
    score = with_waves_as_weights(card)(x, torch.tensor(times))
    torch.testing.assert_close(
        score.flatten(1)[:, ::61].flatten(), torch.tensor(expected), rtol=2e-5, atol=1e-6
    )


def visited(card):
    """The indices of the levels that a sampler of all iterations visits, in order."""
    times = PredictorCorrector(1000, card.sde.eps_per_speed_up).times()
    index, _, _ = given_to_the_network(card, times)
    return index.tolist()


def test_a_ve_sampler_of_all_iterations_visits_every_level_once_from_noise_to_data():
    assert visited(VE) == list(range(1000))


def test_a_vp_sampler_of_all_iterations_repeats_one_level_and_ends_at_level_1():
    """It stops at t = 1e-3, and t (N - 1) falls by .999 an iteration."""
    assert visited(VP) == sorted([*range(1, 1000), 500], reverse=True)


def test_a_ve_network_is_given_the_nearest_level_and_its_sigma():
    t = torch.tensor([1.0, 0.7, 0.123456, 0.0], dtype=torch.float64)
    index, sigma, _ = given_to_the_network(VE, t)
    nearest = [round((1 - float(v)) * 999) for v in t]
    assert index.tolist() == nearest
    expected = [50 * (0.01 / 50) ** (j / 999) for j in nearest]
    assert sigma.tolist() == pytest.approx(expected, rel=1e-12)


def test_a_ve_network_divides_by_the_sigma_of_its_level():
    x, t = torch.ones(1, 3, 8, 8), torch.tensor([0.7])
    scaled = with_waves_as_weights(VE)(x, t)
    plain = with_waves_as_weights(
        replace(VE, network=replace(VE.network, scale_by_sigma=False))
    )(x, t)  # fmt: skip
    sigma = 50 * (0.01 / 50) ** (round(0.3 * 999) / 999)
    torch.testing.assert_close(scaled, plain / sigma)


def test_a_vp_network_is_given_a_whole_level_and_divided_by_its_std():
    t = torch.tensor([1.0, 500.9 / 999, 0.0], dtype=torch.float64)
    index, _, score = given_to_the_network(VP, t)
    assert index.tolist() == [999, 501, 0]
    betas = [(0.1 + i / 999 * 19.9) / 1000 for i in range(1000)]
    stds = [math.sqrt(1 - math.prod(1 - beta for beta in betas[: k + 1])) for k in (999, 501, 0)]
    assert score.tolist() == pytest.approx([-1 / std for std in stds], rel=1e-9)


@pytest.mark.parametrize("card", [VE, VP], ids=["ve", "vp"])
def test_a_time_in_float32_has_the_level_of_the_exact_one(card):
    exact = torch.arange(1000, dtype=torch.float64) / 999
    index, _, _ = given_to_the_network(card, exact)
    rounded, _, _ = given_to_the_network(card, exact.float())
    assert rounded.tolist() == index.tolist()


@pytest.mark.parametrize("card", [VE, VP], ids=["ve", "vp"])
def test_levels_are_those_of_the_training_however_few_the_iterations(card):
    """With 10 iterations of 1000 the level is still among 1000, at the same noise."""
    times = PredictorCorrector(10, 100 * card.sde.eps_per_speed_up).times()
    index, _, _ = given_to_the_network(card, times)
    noise = 1 - index / 999 if card is VE else index / 999
    assert float((noise - times).abs().max()) <= 1 / 999


@pytest.mark.parametrize("card", [VE, VP], ids=["ve", "vp"])
def test_a_discrete_card_survives_json(card):
    assert ModelCard.from_dict(card.to_dict()) == card


def test_a_continuous_card_is_written_as_before_there_was_another():
    card = ModelCard(NCSNppConfig(image_size=32), VESDE(), num_scales=2000, snr=0.15)
    assert set(card.to_dict()) == {
        "network", "sde", "num_scales", "snr", "scaling", "data_std", "process",
    }  # fmt: skip


def test_a_checkpoint_keeps_the_conditioning(tmp_path):
    checkpoints.save(tmp_path / "a.safetensors", NetworkScore(VE))
    assert checkpoints.load(tmp_path / "a.safetensors").card == VE


@pytest.mark.parametrize(
    ("card", "change", "sentence"),
    [
        (VE, {"network": NCSNppConfig(image_size=8, ch_mult=(1,))}, "conditioning: .* got fourier"),
        (VE, {"scaling": "edm"}, "conditioning: .* got VESDE with edm scaling"),
        (VP, {"sde": SubVPSDE()}, "conditioning: .* got SubVPSDE with published scaling"),
        (VP, {"network": TINY}, "scale_by_sigma needs a VE process, got VPSDE"),
        (VP, {"num_scales": 10}, "num_scales: this process needs at least 20 iterations"),
        (VE, {"conditioning": "continuous"}, "scale_by_sigma needs embedding_type fourier"),
        (VE, {"conditioning": "none"}, "conditioning must be one of continuous, discrete"),
    ],
    ids=["Fourier", "edm", "sub-VP", "sigma of VP", "too few levels", "continuous", "unknown"],
)
def test_a_conditioning_that_does_not_fit_is_refused(card, change, sentence):
    with pytest.raises(ValueError, match=sentence):
        replace(card, **change)
