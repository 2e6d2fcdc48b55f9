"""One M for a batch is each block's own M."""

import pytest
import torch

from pds.moves import BlockMove, SpectralMove
from pds.preconditioners import Composition, FrequencyFilter, HalfSpectrum, Identity, SpaceFilter
from pds.preconditioners import Skew as SkewOf
from pds.stacking import Blocks, stack

SHAPE = (3, 6, 5)


def random(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=torch.float64) + 1


def frequency(seed):
    gain = random(seed, *SHAPE)
    return FrequencyFilter((gain + gain.flip(-2, -1).roll((1, 1), (-2, -1))) / 2)


def space(seed):
    return SpaceFilter(random(seed, *SHAPE))


def both(seed):
    return Composition(frequency(seed), space(seed + 50))


SAME = frequency(7)
BATCHES = {
    "one": [(frequency(0), 2)],
    "identities": [(Identity(), 1), (Identity(), 3)],
    "frequency filters": [(frequency(0), 2), (frequency(1), 1), (frequency(2), 3)],
    "one filter for many": [(SAME, 2), (SAME, 2)],
    "compositions": [(both(0), 1), (both(1), 2)],
    "space filters": [(space(0), 2), (space(1), 1)],
    "skew": [(SkewOf(frequency(0), 0.5), 1), (SkewOf(Identity(), 0.2), 2)],
    "everything": [
        (both(0), 1),
        (both(1), 1),
        (frequency(0), 2),
        (frequency(1), 1),
        (Identity(), 2),
        (SkewOf(both(3), 0.5), 1),
        (space(0), 1),
    ],
}


@pytest.fixture(params=BATCHES)
def batch(request):
    return BATCHES[request.param]


def images(batch, seed):
    return random(seed, sum(count for _, count in batch), *SHAPE)


def block_by_block(batch, method, *values):
    counts = [count for _, count in batch]
    pieces = zip(*(torch.split(v, counts) for v in values), strict=True)
    return [getattr(m, method)(*piece) for (m, _), piece in zip(batch, pieces, strict=True)]


@pytest.mark.parametrize("method", ["apply", "apply_transpose", "gram", "drift"])
def test_each_image_gets_its_own_map(batch, method):
    v = images(batch, 1)
    expected = torch.cat(block_by_block(batch, method, v))
    torch.testing.assert_close(getattr(stack(batch), method)(v), expected)


@pytest.mark.parametrize("with_noise", [True, False])
def test_a_move_adds_each_images_drift_and_noise(batch, with_noise):
    x, d, z = (images(batch, seed) for seed in (1, 2, 3))
    a, b = (random(seed, len(x), 1, 1, 1) for seed in (4, 5))
    expected = x + a * torch.cat(block_by_block(batch, "drift", d))
    if with_noise:
        expected = expected + b * torch.cat(block_by_block(batch, "apply", z))
    moved = stack(batch).move(d, z).add(x, a, b if with_noise else None)
    torch.testing.assert_close(moved, expected)
    ones = stack(batch).move(d, z).add(x, 2.0, 0.5)
    torch.testing.assert_close(ones, stack(batch).move(d, z).add(x, *_columns(x, 2.0, 0.5)))


def _columns(x, *values):
    return [torch.full((len(x), 1, 1, 1), value, dtype=x.dtype) for value in values]


def test_a_move_knows_the_norms_up_to_one_constant(batch):
    d, z = images(batch, 2), images(batch, 3)
    drift, noise = stack(batch).move(d, z).norms()
    for measured, method, v in ((drift, "drift", d), (noise, "apply", z)):
        mapped = torch.cat(block_by_block(batch, method, v))
        exact = torch.linalg.vector_norm(mapped, dim=(1, 2, 3), keepdim=True)
        if method == "drift":
            constant = measured / exact
        torch.testing.assert_close(measured, constant * exact)


def test_frequency_filters_share_their_transforms_and_the_identity_has_none(monkeypatch):
    transforms = []
    forward = torch.fft.rfft2
    monkeypatch.setattr(torch.fft, "rfft2", lambda v: transforms.append(len(v)) or forward(v))
    batch = [(Identity(), 4), (frequency(0), 2), (frequency(1), 3)]
    d = images(batch, 0)
    move = stack(batch).move(d, d)
    assert transforms == [5, 5]
    assert isinstance(move, BlockMove)
    assert isinstance(move.moves[1], SpectralMove)


def test_equal_filters_are_not_repeated():
    assert stack([(SAME, 2), (SAME, 5)]) is SAME
    assert isinstance(stack([(frequency(0), 1), (frequency(1), 1)]), HalfSpectrum)
    assert isinstance(stack([(space(0), 1), (space(1), 1)]), Blocks)
