"""Group norm in channels-last layout, which networks use on a GPU, computed on the CPU here."""

import pytest
import torch
import torch.nn.functional as F

from pds.scores.ncsnpp import layers
from pds.scores.ncsnpp.normalization import normalize_groups

SHAPES = [(3, 16, 9, 7, 4), (1, 32, 8, 8, 8), (2, 24, 5, 5, 6), (2, 4, 1, 3, 1), (4, 128, 6, 6, 32)]


def drawn(shape, dtype, *, offset=0.0):
    """Images with channels last, weights and biases."""
    batch, channels, height, width, groups = shape
    generator = torch.Generator().manual_seed(0)
    x = 1.7 * torch.randn(batch, channels, height, width, generator=generator) + offset
    weight, bias = (torch.randn(channels, generator=generator) for _ in range(2))
    x = x.to(dtype).contiguous(memory_format=torch.channels_last)
    parameters = torch.float64 if dtype == torch.float64 else torch.float32
    return x, weight.to(parameters), bias.to(parameters), groups


@pytest.mark.parametrize("offset", [0.0, 30.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_the_group_norm(shape, offset):
    x, weight, bias, groups = drawn(shape, torch.float32, offset=offset)
    found = normalize_groups(x, weight, bias, groups, 1e-6)
    expected = F.group_norm(x.double(), groups, weight.double(), bias.double(), 1e-6)
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=4e-6 * (1 + offset))


@pytest.mark.parametrize("shape", SHAPES)
def test_its_gradients_are_those_of_the_group_norm(shape):
    x, weight, bias, groups = drawn(shape, torch.float64)
    inputs = [v.requires_grad_() for v in (x, weight, bias)]
    dy = torch.randn(x.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = torch.autograd.grad(normalize_groups(*inputs, groups, 1e-6), inputs, dy)
    expected = torch.autograd.grad(F.group_norm(x, groups, weight, bias, 1e-6), inputs, dy)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_images_stay_in_their_layout_there_and_back():
    x, weight, bias, groups = drawn(SHAPES[0], torch.float32)
    x.requires_grad_()
    y = normalize_groups(x, weight, bias, groups, 1e-6)
    (dx,) = torch.autograd.grad(y.square().sum(), x)
    assert y.is_contiguous(memory_format=torch.channels_last) and not y.is_contiguous()
    assert dx.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("autocast", [False, True])
def test_bfloat16_images_have_moments_in_float32(autocast):
    x, weight, bias, groups = drawn((2, 16, 64, 64, 4), torch.bfloat16, offset=3.0)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        found = normalize_groups(x, weight, bias, groups, 1e-6)
    expected = F.group_norm(x.double(), groups, weight.double(), bias.double(), 1e-6)
    assert found.dtype == torch.bfloat16
    # Half a unit in the last place of the largest values is 2^-9 of them.
    torch.testing.assert_close(found.double(), expected, rtol=2**-8, atol=2e-3)


def test_gradients_of_bfloat16_images_are_near_those_of_float32():
    x, weight, bias, groups = drawn((2, 16, 32, 32, 4), torch.bfloat16)
    dy = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    wide = [v.double().requires_grad_() for v in (x, weight, bias)]
    expected = torch.autograd.grad(
        F.group_norm(wide[0], groups, *wide[1:], 1e-6), wide, dy.double()
    )
    inputs = [v.requires_grad_() for v in (x, weight, bias)]
    y = normalize_groups(*inputs, groups, 1e-6)
    found = torch.autograd.grad(y, inputs, dy.bfloat16())
    errors = [float((a - b).norm() / b.norm()) for a, b in zip(found, expected, strict=True)]
    assert max(errors) < 0.01


def test_the_layer_of_a_network_uses_it_for_channels_last_images_of_a_gpu(monkeypatch):
    calls = []
    monkeypatch.setattr(layers, "normalize_groups", lambda x, *_: calls.append(x) or x)
    layer = layers.group_norm(16)

    class OnGPU(torch.Tensor):
        device = torch.device("cuda")

    x = torch.randn(2, 16, 4, 4).contiguous(memory_format=torch.channels_last).as_subclass(OnGPU)
    assert layer(x) is x and len(calls) == 1
