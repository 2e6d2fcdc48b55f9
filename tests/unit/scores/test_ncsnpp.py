"""The variants of NCSN++ without a recording, against reference implementations in this file."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from pds.scores.ncsnpp import ModelCard, NCSNpp, NCSNppConfig, NetworkScore
from pds.scores.ncsnpp.layers import (
    NIN,
    Attention,
    Combine,
    FIRConv,
    ResidualBlock,
    positional_embedding,
)
from pds.scores.ncsnpp.resampling import fir_down, fir_up
from pds.sde import VESDE, VPSDE, SubVPSDE
from tests.support.placed import placed

TAPS = (1, 3, 3, 1)
SMALL = NCSNppConfig(
    image_size=16, nf=8, ch_mult=(1, 2), num_res_blocks=1, attn_resolutions=(8,), init_scale=1.0
)
# Flavor and size of the four published experiments.
CIFAR10 = NCSNppConfig(
    image_size=32, ch_mult=(1, 2, 2, 2), num_res_blocks=8, progressive="none",
    progressive_input="residual",
)  # fmt: skip
CHURCH = NCSNppConfig(image_size=256, ch_mult=(1, 1, 2, 2, 2, 2, 2), num_res_blocks=2)
FFHQ = NCSNppConfig(image_size=1024, nf=16, ch_mult=(1, 2, 4, 8, 16, 32, 32, 32), num_res_blocks=1)


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def double(network):
    return placed(network.double())


def build(config, *, seed=0):
    torch.manual_seed(seed)
    return double(NCSNpp(config)).eval()


def upfirdn(x, kernel, *, up, down, before, after):
    """Upsample with zeros, pad, filter, downsample: the definition, one pixel at a time."""
    batch, channels, height, width = x.shape
    spread = torch.zeros(batch, channels, height * up, width * up, dtype=x.dtype)
    spread[..., ::up, ::up] = x
    padded = F.pad(spread, (before, after, before, after))
    taps = len(kernel)
    plane = torch.outer(kernel, kernel).flip(0, 1)
    size = (padded.shape[-1] - taps) // down + 1
    out = torch.zeros(batch, channels, size, size, dtype=x.dtype)
    for i in range(size):
        for j in range(size):
            patch = padded[..., i * down : i * down + taps, j * down : j * down + taps]
            out[..., i, j] = (patch * plane).sum((-2, -1))
    return out


def normalized(gain=1.0, taps=TAPS):
    kernel = torch.tensor(taps, dtype=torch.float64)
    return kernel / kernel.sum() * gain


@pytest.mark.parametrize("taps", [TAPS, (1, 2, 4, 3)], ids=["symmetric", "lopsided"])
def test_fir_upsampling_is_its_definition(taps):
    x = randn(2, 3, 6, 6)
    expected = upfirdn(x, normalized(2, taps), up=2, down=1, before=2, after=1)
    torch.testing.assert_close(fir_up(x, taps), expected)


@pytest.mark.parametrize("taps", [TAPS, (1, 2, 4, 3)], ids=["symmetric", "lopsided"])
def test_fir_downsampling_is_its_definition(taps):
    x = randn(2, 3, 6, 6)
    expected = upfirdn(x, normalized(1, taps), up=1, down=2, before=1, after=1)
    torch.testing.assert_close(fir_down(x, taps), expected)


def test_a_strided_fir_convolution_blurs_and_then_strides():
    layer, x = double(FIRConv(3, 5, taps=TAPS, up=False)), randn(2, 3, 8, 8)
    blurred = upfirdn(x, normalized(), up=1, down=1, before=2, after=2)
    expected = F.conv2d(blurred, layer.weight, layer.bias, stride=2)
    assert expected.shape == (2, 5, 4, 4)
    torch.testing.assert_close(layer(x), expected)


def test_a_doubling_fir_convolution_convolves_the_spread_image_and_then_blurs():
    layer, x = double(FIRConv(3, 5, taps=TAPS, up=True)), randn(2, 3, 4, 4)
    spread = torch.zeros(2, 3, 7, 7, dtype=torch.float64)
    spread[..., ::2, ::2] = x
    convolved = F.conv2d(F.pad(spread, (2, 2, 2, 2)), layer.weight)
    blurred = upfirdn(convolved, normalized(2), up=1, down=1, before=1, after=1)
    torch.testing.assert_close(layer(x), blurred + layer.bias[:, None, None])
    assert layer(x).shape == (2, 5, 8, 8)


def test_the_turned_weight_of_a_doubling_convolution_follows_its_weight():
    layer, x = double(FIRConv(3, 5, taps=TAPS, up=True)), randn(2, 3, 4, 4)
    with torch.no_grad():
        before = layer(x)
        torch.testing.assert_close(layer(x), before, rtol=0, atol=0)
        layer.weight.mul_(2)
        torch.testing.assert_close(layer(x), 2 * before)
        layer.weight = torch.nn.Parameter(3 * layer.weight)
        torch.testing.assert_close(layer(x), 6 * before)


@pytest.mark.not_imitated
def test_a_filter_made_in_inference_mode_serves_training():
    x = randn(1, 7, 4, 4).requires_grad_()
    with torch.inference_mode():
        fir_up(fir_down(x, (1, 2, 3, 4)), (1, 2, 3, 4))
    fir_up(fir_down(x, (1, 2, 3, 4)), (1, 2, 3, 4)).sum().backward()
    assert float(x.grad.abs().min()) > 0


def test_positional_embedding_is_sines_then_cosines_of_a_geometric_series():
    label, features = torch.tensor([0.0, 3.0, 999.0]), 8
    rates = 10000 ** -(torch.arange(4) / 3)
    phase = label[:, None] * rates
    torch.testing.assert_close(
        positional_embedding(label, features), torch.cat([phase.sin(), phase.cos()], 1),
        rtol=1e-4, atol=1e-4,
    )  # fmt: skip


def test_attention_is_the_softmax_of_its_projections():
    torch.manual_seed(0)
    layer = double(Attention(8, skip_rescale=True, init_scale=1.0))
    x = randn(2, 8, 3, 3)
    h = layer.GroupNorm_0(x).flatten(2)
    q, k, v = (torch.einsum("io,bip->bop", n.W, h) for n in (layer.NIN_0, layer.NIN_1, layer.NIN_2))
    weights = torch.softmax(torch.einsum("bop,boq->bpq", q, k) / 8**0.5, dim=-1)
    mixed = torch.einsum("bpq,boq->bop", weights, v)
    out = torch.einsum("io,bip->bop", layer.NIN_3.W, mixed).reshape(x.shape)
    torch.testing.assert_close(layer(x), (x + out) / 2**0.5)


def test_nin_maps_the_channels_of_each_pixel():
    layer, x = double(NIN(3, 5)), randn(2, 3, 4, 4)
    expected = torch.einsum("io,bihw->bohw", layer.W, x) + layer.b[:, None, None]
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize("kind", ["biggan", "ddpm"])
def test_a_block_that_starts_at_zero_is_its_rescaled_skip(kind):
    block = double(ResidualBlock(replace(SMALL, resblock_type=kind, init_scale=0.0), 8, 8))
    x, embedding = randn(2, 8, 4, 4), randn(2, 32)
    # init_scale 0 stands for a variance of 1e-10, so the branch is about 1e-5.
    torch.testing.assert_close(block(x, embedding), x / 2**0.5, rtol=0, atol=1e-3)


def test_the_blocks_differ_in_their_skip_as_published():
    names = {
        kind: set(dict(ResidualBlock(replace(SMALL, resblock_type=kind), 8, 16).named_parameters()))
        for kind in ("biggan", "ddpm")
    }
    assert names["biggan"] - names["ddpm"] == {"Conv_2.weight", "Conv_2.bias"}
    assert names["ddpm"] - names["biggan"] == {"NIN_0.W", "NIN_0.b"}


def test_a_block_gets_the_noise_level():
    block, x = double(ResidualBlock(SMALL, 8, 8)), randn(1, 8, 4, 4)
    outputs = [block(x, randn(1, 32, seed=seed)) for seed in (1, 2)]
    assert (outputs[0] - outputs[1]).abs().max() > 1e-3


@pytest.mark.parametrize(("method", "channels"), [("sum", 8), ("cat", 16)])
def test_combine_adds_or_stacks_the_projected_pyramid(method, channels):
    layer, pyramid, h = double(Combine(3, 8, method=method)), randn(1, 3, 4, 4), randn(1, 8, 4, 4)
    image = layer.Conv_0(pyramid)
    expected = image + h if method == "sum" else torch.cat([image, h], 1)
    assert expected.shape[1] == channels
    assert torch.equal(layer(pyramid, h), expected)


FLAVORS = [
    {"progressive": p, "progressive_input": i, "resblock_type": b, "fir": f}
    for p in ("none", "output_skip", "residual")
    for i in ("none", "input_skip", "residual")
    for b, f in (("biggan", True), ("biggan", False), ("ddpm", True), ("ddpm", False))
]
OTHERS = [
    {"progressive_combine": "cat"},
    {"embedding_type": "positional", "scale_by_sigma": False},
    {"centered": True},
    {"conditional": False},
    {"skip_rescale": False},
    {"resblock_type": "ddpm", "resamp_with_conv": False},
]


@pytest.mark.not_imitated
@pytest.mark.parametrize(
    "flavor", [*FLAVORS, *OTHERS], ids=lambda f: ",".join(map(str, f.values()))
)
def test_every_flavor_uses_each_of_its_parameters_once_in_order(flavor):
    """A module that is skipped, or taken out of order, leaves a gradient at zero or fails."""
    network = build(replace(SMALL, **flavor))
    level = torch.tensor([0.3, 40.0], dtype=torch.float64)
    out = network(randn(2, 3, 16, 16), level)
    assert out.shape == (2, 3, 16, 16)
    (out * randn(2, 3, 16, 16, seed=1)).sum().backward()
    unused = [
        name
        for name, p in network.named_parameters()
        if p.requires_grad and (p.grad is None or float(p.grad.abs().max()) == 0)
    ]
    # A constant added to all keys of an attention cancels in its softmax.
    assert all(name.endswith("NIN_1.b") for name in unused), unused


@pytest.mark.about_cpu  # a GPU computes group norms with channels first
@pytest.mark.parametrize(
    "flavor", [*FLAVORS, *OTHERS], ids=lambda f: ",".join(map(str, f.values()))
)
def test_no_part_gives_up_channels_last(flavor):
    network, lost = build(replace(SMALL, **flavor)).float(), []

    def check(module, _, out):
        # One channel or one pixel is in either layout.
        if out.ndim == 4 and not out.is_contiguous(memory_format=torch.channels_last):
            lost.append(type(module).__name__)

    for module in network.modules():
        if module is not network:
            module.register_forward_hook(check)
    with torch.no_grad():
        out = network(randn(2, 3, 16, 16).float(), torch.tensor([0.3, 40.0]))
    assert not lost
    assert out.is_contiguous()


def test_scale_by_sigma_divides_the_output_by_sigma_and_nothing_else():
    level, x = torch.tensor([0.3, 40.0], dtype=torch.float64), randn(2, 3, 16, 16)
    scaled, plain = build(SMALL), build(replace(SMALL, scale_by_sigma=False))
    torch.testing.assert_close(scaled(x, level), plain(x, level) / level[:, None, None, None])


def test_a_network_for_images_in_0_1_centers_its_input_itself():
    level, x = torch.tensor([0.3, 40.0], dtype=torch.float64), randn(2, 3, 16, 16)
    centered = build(replace(SMALL, centered=True))
    torch.testing.assert_close(build(SMALL)(x, level), centered(2 * x - 1, level))


@pytest.mark.parametrize(
    ("config", "count"),
    [(CIFAR10, 107_400_000), (CHURCH, 65_600_000), (FFHQ, 105_800_000)],
    ids=["cifar10 deep", "church", "ffhq"],
)
def test_the_published_experiments_can_be_built(config, count):
    with torch.device("meta"):
        network = NCSNpp(config)
    total = sum(p.numel() for p in network.parameters())
    assert total == pytest.approx(count, rel=0.01), total


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"progressive": "sideways"}, "progressive must be one of none, output_skip, residual"),
        ({"resblock_type": "resnet"}, "resblock_type must be one of biggan, ddpm"),
        ({"nf": 6}, "nf must be a positive multiple of 4, got 6"),
        ({"ch_mult": ()}, "ch_mult must list"),
        ({"image_size": 15}, "divisible by 2 for 2 levels, got 15"),
        ({"fir_kernel": (1, 2, 1)}, "4 taps"),
        ({"num_channels": 0}, "num_channels must be >= 1, got 0"),
        ({"num_res_blocks": 0}, "num_res_blocks must be >= 1, got 0"),
        ({"dropout": 1.0}, "dropout must lie in"),
        ({"dropout": float("nan")}, "dropout must be a finite number, got nan"),
        ({"init_scale": -1}, "init_scale must be >= 0, got -1"),
        ({"attn_resolutions": 8}, r"attn_resolutions must list whole numbers, got 8; .* \(8,\)"),
        ({"image_size": (16, 24)}, r"image_size must be one whole number, got \(16, 24\)"),
        ({"nf": "8"}, "nf must be a whole number, got '8'; write it without quotes"),
    ],
)
def test_a_configuration_that_does_not_exist_is_refused(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        replace(SMALL, **change)


def card(**options):
    return ModelCard(
        **{"network": SMALL, "sde": VESDE(0.01, 100.0), "num_scales": 1000, "snr": 0.1, **options}
    )


@pytest.mark.parametrize("sde", [VPSDE(), SubVPSDE()], ids=["vp", "sub-vp"])
def test_a_vp_network_predicts_noise(sde):
    config = replace(SMALL, embedding_type="positional", scale_by_sigma=False, centered=True)
    score = double(NetworkScore(card(network=config, sde=sde)))
    x, t = randn(2, 3, 16, 16), torch.tensor([0.2, 0.9], dtype=torch.float64)
    std = sde.marginal(t).std[:, None, None, None]
    torch.testing.assert_close(score(x, t) * std, -score.network(x, 999 * t))


@pytest.mark.parametrize("centered", [False, True])
def test_the_edm_score_of_a_silent_network_is_that_of_one_gaussian(centered):
    """With network output 0, D is the posterior mean for data Normal(m, s^2): a known score."""
    score = NetworkScore(
        card(network=replace(SMALL, centered=centered), scaling="edm", data_std=0.25)
    ).double()
    score.network.forward = lambda x, *_: torch.zeros_like(x)
    x, t = randn(2, 3, 16, 16), torch.tensor([0.2, 0.9], dtype=torch.float64)
    variance = score.sde.marginal(t).std[:, None, None, None] ** 2 + 0.25**2
    torch.testing.assert_close(score(x, t), ((0.0 if centered else 0.5) - x) / variance)


def test_the_edm_network_sees_input_of_unit_variance():
    score, seen = NetworkScore(card(scaling="edm", data_std=0.25)).double(), []
    score.network.forward = lambda *inputs: seen.append(inputs) or torch.zeros_like(inputs[0])
    t = torch.full((64,), 0.7, dtype=torch.float64)
    sigma = float(score.sde.marginal(t).std[0])
    score(0.5 + 0.25 * randn(64, 3, 16, 16) + sigma * randn(64, 3, 16, 16, seed=1), t)
    inside = 2 * seen[0][0] - 1
    # 49,152 draws: standard errors .005 and .006; five of them.
    assert abs(float(inside.mean())) < 0.025
    assert float(inside.var()) == pytest.approx(1, abs=0.035)
    assert seen[0][1].tolist() == pytest.approx([sigma] * 64)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sde": VPSDE(), "scaling": "edm"}, "edm scaling is defined for VE, got VPSDE"),
        ({"num_scales": 0}, "num_scales must be a whole number >= 1, got 0"),
        ({"snr": -1.0}, "snr must be > 0, got -1.0"),
        ({"snr": "0.1"}, "snr must be a finite number, got '0.1'; write it without quotes"),
        ({"num_scales": 10.5}, "num_scales must be a whole number, got 10.5"),
        ({"sde": "vesde"}, "sde must be of type VESDE or VPSDE or SubVPSDE, got 'vesde'"),
        ({"network": {"image_size": 8}}, "network must be of type NCSNppConfig, got"),
        (
            {"network": replace(SMALL, embedding_type="positional")},
            "scale_by_sigma needs embedding_type fourier",
        ),
        ({"data_std": 0.0}, "data_std must be > 0 and finite, got 0.0"),
    ],
)
def test_a_card_that_cannot_be_sampled_from_is_refused(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        card(**change)


def test_a_card_survives_json():
    original = card(sde=SubVPSDE(0.2, 10.0), num_scales=77)
    assert ModelCard.from_dict(original.to_dict()) == original


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        ({"process": "none"}, "process must be one of vesde, vpsde, subvpsde, got 'none'"),
        ({"sde": {"sigma": 3}}, "sde has sigma, which is unknown here"),
        ({"sde": {"sigma_min": "0.01"}}, "sigma_min must be a finite number, got '0.01'"),
        ({"sde": None}, "sde must hold names and values, got None"),
        ({"extra": 1}, "the card has extra, which is unknown here"),
        ({"network": {}}, "network has no image_size"),
        ({"network": {"image_size": "8"}}, "image_size must be a whole number, got '8'"),
    ],
)
def test_a_card_with_a_wrong_value_is_refused(spoil, sentence):
    with pytest.raises(ValueError, match=f"does not fit: {sentence}"):
        ModelCard.from_dict({**card().to_dict(), **spoil})
