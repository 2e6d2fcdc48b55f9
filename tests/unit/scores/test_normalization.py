"""The group norm of large images on a GPU: the values and gradients of torch, channels last."""

import pytest
import torch
import torch.nn.functional as F

from pds.scores.ncsnpp import normalization
from pds.scores.ncsnpp.normalization import channels_last

pytestmark = pytest.mark.not_imitated

SHAPES = [(3, 16, 8, 6, 4), (1, 8, 16, 16, 2), (2, 128, 4, 4, 32), (2, 12, 1, 1, 3)]
"""Batch, channels, height, width, groups."""
EPS = 1e-6


def subject(shape, dtype=torch.float32, *, mean=3.0):
    """Images in channels-last layout, a weight, a bias, and a gradient of the output."""
    *size, _ = shape
    generator = torch.Generator().manual_seed(0)
    x, dy = (torch.randn(size, generator=generator, dtype=torch.float64) for _ in range(2))
    weight, bias = torch.randn(2, size[1], generator=generator, dtype=torch.float64)
    x, dy = ((mean + x).to(dtype), dy.to(dtype))
    return (
        x.contiguous(memory_format=torch.channels_last).requires_grad_(),
        weight.to(dtype).requires_grad_(),
        bias.to(dtype).requires_grad_(),
        dy,
    )


def relative(found, expected):
    return float(((found - expected).abs().max() / expected.abs().max()).detach())


@pytest.mark.parametrize("shape", SHAPES)
def test_values_are_those_of_torch(shape):
    x, weight, bias, _ = subject(shape)
    expected = F.group_norm(x.double(), shape[-1], weight.double(), bias.double(), EPS)
    # Twice the rounding of the largest value, after a subtraction of means three times the std.
    assert relative(channels_last(x, weight, bias, shape[-1], EPS), expected) < 1e-6


@pytest.mark.parametrize("shape", SHAPES[:3])
@pytest.mark.parametrize("of", [0, 1, 2], ids=["x", "weight", "bias"])
def test_gradients_are_those_of_torch(shape, of):
    x, weight, bias, dy = subject(shape, torch.float64)
    inputs = (x, weight, bias)
    found, expected = (
        torch.autograd.grad(norm, inputs, dy)[of]
        for norm in (
            channels_last(*inputs, shape[-1], EPS),
            F.group_norm(x, shape[-1], weight, bias, EPS),
        )
    )
    assert relative(found, expected) < 1e-12


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_result_and_its_gradient_keep_layout_and_precision(dtype):
    x, weight, bias, dy = subject(SHAPES[0], dtype)
    y = channels_last(x, weight, bias, 4, EPS)
    (dx,) = torch.autograd.grad(y, x, dy)
    assert (y.dtype, dx.dtype) == (dtype, dtype)
    kept = [v.is_contiguous(memory_format=torch.channels_last) for v in (y, dx)]
    assert kept == [True, True]


def test_images_in_bfloat16_are_rounded_once():
    x, weight, bias, _ = subject(SHAPES[0], torch.bfloat16)
    x64, weight64, bias64 = (v.detach().double() for v in (x, weight, bias))
    expected = F.group_norm(x64, 4, weight64, bias64, EPS)
    found = channels_last(x, weight, bias, 4, EPS).double()
    # Half a unit of 8 bits of fraction, and the rounding of float32.
    assert bool(((found - expected).abs() <= expected.abs() * 2**-8 + 1e-5).all())


def test_gradients_in_bfloat16_are_as_close_as_its_bits():
    x, weight, bias, dy = subject(SHAPES[0], torch.bfloat16)
    found = torch.autograd.grad(channels_last(x, weight, bias, 4, EPS), x, dy)[0]
    x64, weight64, bias64 = (v.detach().double().requires_grad_() for v in (x, weight, bias))
    y = F.group_norm(x64, 4, weight64, bias64, EPS)
    expected = torch.autograd.grad(y, x64, dy.double())[0]
    assert relative(found.double(), expected) < 2**-7


def test_autocast_does_not_widen_it():
    x, weight, bias, _ = subject(SHAPES[0], torch.bfloat16)
    with torch.autocast(x.device.type, torch.bfloat16):
        found = channels_last(x, weight.float(), bias.float(), 4, EPS)
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, channels_last(x, weight.float(), bias.float(), 4, EPS))


def test_only_channels_last_is_kept():
    x = torch.randn(2, 16, 8, 8)
    assert not normalization._has_channels_last(x)
    assert normalization._has_channels_last(x.contiguous(memory_format=torch.channels_last))


@pytest.mark.parametrize(("images", "kept"), [(1, False), (2, True)])
def test_a_gpu_keeps_the_layout_of_large_images(monkeypatch, images, kept):
    class OnGPU(torch.Tensor):
        is_cuda = True

    monkeypatch.setattr(normalization, "LARGE", 2 * 16 * 64)
    monkeypatch.setattr(normalization, "channels_last", lambda *_: "kept")
    x = torch.randn(images, 16, 8, 8).contiguous(memory_format=torch.channels_last)
    found = normalization.group_norm(16)(x.as_subclass(OnGPU))
    assert (isinstance(found, str) and found == "kept") == kept
