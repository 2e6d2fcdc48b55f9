"""Grain and contrast: planted noise is recovered, and texture does not count as noise."""

import math
from itertools import islice, pairwise

import pytest
import torch

from pds import theory
from pds.appearance import READABLE, Appearance, References, coarse_power, grain, noise_ratio
from pds.driving import seeded_noise, steps
from pds.evaluation.validation import blurred
from pds.models import load_model
from pds.portraits import portraits
from pds.spectra import radii

HELD_OUT = range(3_000_000, 3_000_060)


@pytest.fixture(scope="module", params=[32, 64])
def pictures(request):
    return portraits(HELD_OUT, size=request.param)


def noise(shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def recovered(pictures, sigma, **options):
    """The planted noise that grain finds, relative to sigma; own and planted add as variances."""
    own = grain(pictures, **options).mean()
    measured = grain(pictures + sigma * noise(pictures.shape), **options).mean()
    return float((measured**2 - own**2).sqrt() / sigma)


def test_white_noise_has_its_own_standard_deviation():
    """64 x 3 medians of 30 % of 63^2 places: a standard error of about 0.3 %."""
    assert float(grain(0.03 * noise((64, 3, 64, 64))).mean()) == pytest.approx(0.03, rel=0.015)


@pytest.mark.parametrize("sigma", [0.015, 0.02, 0.03, 0.05, 0.1])
def test_noise_above_a_portraits_own_is_recovered_within_a_tenth(pictures, sigma):
    assert sigma > float(grain(pictures).mean())
    assert recovered(pictures, sigma) == pytest.approx(1, abs=0.1)


def test_the_median_over_the_whole_picture_takes_texture_for_noise():
    """Why flat places are chosen: at twice the grain of the data the error is over a fifth."""
    pictures = portraits(HELD_OUT)
    assert recovered(pictures, 0.02, flattest=1.0) > 1.2
    assert recovered(pictures, 0.02) < 1.07


def test_clouds_are_all_texture_and_noise_adds_to_theirs():
    """The clouds' finest differences have a known variance; grain and noise add to it."""
    score = load_model("field64").score
    clouds = score.sample(seeded_noise(range(50))(torch.Size((50, 1, 64, 64))))
    rows = torch.fft.fftfreq(64, dtype=torch.float64)
    response = (2 * torch.sin(math.pi * rows)).square()
    own = float((score.power[0] * response[:, None] * response / 4).mean().sqrt())
    assert float(grain(clouds).mean()) == pytest.approx(own, rel=0.03)
    assert recovered(clouds, 0.15) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("sigma", [0.005, 0.02, 0.1])
def test_noise_in_smooth_pictures_of_another_kind_is_recovered(sigma):
    """Edges and ramps, no texture: disks with an edge of two pixels on a gradient."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 48), torch.linspace(-1, 1, 40), indexing="ij")
    disks = torch.sigmoid((torch.linspace(0.3, 0.7, 20)[:, None, None] - torch.hypot(x, y)) * 40)
    pictures = (0.2 + 0.1 * x + 0.5 * disks)[:, None].expand(-1, 3, -1, -1)
    assert float(grain(pictures).mean()) < 1e-3
    assert recovered(pictures, sigma) == pytest.approx(1, abs=0.05)


def test_blur_is_smoother_and_more_blur_smoother_still(pictures):
    versions = [pictures, *(blurred(pictures, sigma) for sigma in (0.25, 0.5, 1.0, 2.0))]
    measured = [float(grain(version).mean()) for version in versions]
    assert all(a > b for a, b in pairwise(measured))


@pytest.mark.parametrize("factor", [0.6, 1.4])
def test_a_change_of_coarse_contrast_is_not_grain(pictures, factor):
    """Everything below 6 cycles a picture times a factor: contrast changes, grain does not."""
    cycles = radii(*pictures.shape[-2:]) * pictures.shape[-1]
    mean = pictures.mean(0)
    gain = torch.where(cycles < 6, factor, 1.0)
    changed = mean + torch.fft.ifft2(torch.fft.fft2((pictures - mean).double()) * gain).real
    after = Appearance.of(changed).relative_to(Appearance.of(pictures))
    assert after.grain == pytest.approx(1, abs=0.05)
    assert after.contrast == pytest.approx(factor**2, rel=1e-6)


def test_lost_texture_is_not_grain():
    """A median filter takes texture away and keeps edges: smoother, never grainier."""
    pictures = portraits(range(3_000_000, 3_000_020))
    windows = torch.nn.functional.pad(pictures, (1, 1, 1, 1), mode="replicate")
    windows = windows.unfold(2, 3, 1).unfold(3, 3, 1).flatten(-2)
    assert float(grain(windows.median(-1).values).mean() / grain(pictures).mean()) < 0.8


@pytest.mark.parametrize(("blur", "share"), [(0.25, 0.88), (0.5, 0.59), (1.0, 0.21)])
def test_smooth_noise_counts_for_the_documented_share(blur, share):
    smooth = blurred(noise((16, 3, 64, 64)), blur)
    assert float(grain(smooth / smooth.std()).mean()) == pytest.approx(share, abs=0.02)


def test_scaled_pictures_have_scaled_grain_and_squared_contrast():
    pictures = portraits(range(3_000_000, 3_000_020))
    after = Appearance.of(0.8 * pictures + 0.1).relative_to(Appearance.of(pictures))
    assert after == pytest.approx((0.8, 0.64), rel=1e-5)


def test_grain_is_of_each_channel_of_each_picture():
    sigma = torch.tensor([[0.01, 0.02, 0.04], [0.08, 0.16, 0.32]])
    measured = grain(noise((2, 3, 128, 128)) * sigma[..., None, None])
    assert measured.shape == (2, 3)
    torch.testing.assert_close(measured, sigma.double(), rtol=0.06, atol=0)


def test_values_outside_the_unit_interval_are_measured_as_they_are():
    pictures = portraits(range(4))
    torch.testing.assert_close(grain(pictures + 5), grain(pictures), rtol=1e-3, atol=1e-5)


def test_one_picture_has_grain_and_no_contrast():
    one = Appearance.of(portraits([0]))
    assert one.grain > 0
    assert all(math.isnan(value) for value in one.coarse_power)


def test_constant_pictures_have_neither():
    flat = Appearance.of(torch.full((3, 1, 9, 11), 0.4))
    assert flat.grain == 0
    assert max(flat.coarse_power) < 1e-12
    assert all(math.isnan(v) for v in Appearance.of(portraits(range(3))).relative_to(flat))


def test_a_picture_that_is_not_finite_is_not_measured_and_does_not_touch_the_others():
    pictures = portraits(range(3))
    broken = pictures.clone()
    broken[1, 0, 5, 5] = math.inf
    assert grain(broken).isnan().any(1).tolist() == [False, True, False]
    assert torch.equal(grain(broken)[[0, 2]], grain(pictures)[[0, 2]])


@pytest.mark.parametrize("measure", [grain, coarse_power])
def test_pictures_below_eight_pixels_are_refused(measure):
    with pytest.raises(ValueError, match="at least 8 x 8 pixels, got 7 x 30"):
        measure(torch.zeros(2, 3, 7, 30))


@pytest.mark.parametrize("shape", [(2, 1, 8, 8), (2, 3, 33, 17)])
def test_odd_sizes_and_the_smallest_are_measured(shape):
    assert Appearance.of(0.1 * noise(shape)).grain == pytest.approx(0.1, rel=0.6)


@pytest.mark.parametrize("name", ["portraits32", "portraits64", "field64"])
def test_the_models_of_the_page_know_what_their_pictures_look_like(name):
    references = load_model(name).references
    assert isinstance(references, References)
    network = references.network.relative_to(references.data)
    assert 0.7 < network.grain < 1.1
    assert 0.7 < network.contrast < 1.2


@pytest.mark.parametrize("c", [1.0, 1.3, 1.7, 3.0])
@pytest.mark.parametrize(
    ("textures", "error"), [(READABLE, 0.05), (4, 0.03), (10, 0.02), (1e5, 0.02)]
)
def test_noise_planted_in_a_state_is_read_back(pictures, textures, error, c):
    """Over 60 pictures; the standard error of the reading is at most 0.7 %."""
    texture = float(grain(pictures).mean())
    sigma = textures * texture
    states = pictures + c * sigma * noise(pictures.shape)
    assert noise_ratio(states, sigma, texture) == pytest.approx(c, rel=error)


@pytest.mark.parametrize(("size", "spread"), [(32, 0.04), (64, 0.02)])
def test_four_pictures_determine_the_noise_as_well_as_documented(size, spread):
    """Two standard deviations over sets of four, which 80 sets determine to 8 %."""
    states = noise((80, 4, 3, size, size))
    read = torch.tensor([noise_ratio(four, 1.0, 0.0) for four in states])
    assert 2 * float(read.std()) == pytest.approx(spread, rel=0.3)


def test_the_noise_in_a_sampler_s_state_is_that_of_the_exact_recursion():
    """Of clouds, at all levels far above their texture; 32 pictures determine it to 2 %."""
    model = load_model("field64")
    sampler, power = model.sampler(25), model.score.power[0].cpu()
    rows = torch.sin(math.pi * torch.fft.fftfreq(64, dtype=torch.float64)).square()
    weight = rows[:, None] * rows / rows.mean() ** 2
    noise_of = seeded_noise(range(32))
    chain = sampler.chain(model.sde, noise=noise_of, shape=(32, 1, 64, 64))
    levels = sampler.levels(model.sde)
    exact = theory.trajectory(theory.modes(power), None, model.sde, sampler)
    read, expected = [], []
    for step, variance in zip(islice(steps(model.score, chain), 17), exact, strict=False):
        last_noise = levels[step.index] ** 2 - levels[step.index + 1] ** 2
        excess = theory.grid(variance, 64, 64) + last_noise - power
        expected.append(float((weight * excess).mean().sqrt()) / step.next_sigma)
        read.append(noise_ratio(step.x, step.next_sigma, model.references.network.grain))
    assert 1.3 < min(expected) < max(expected) < 2
    assert read == pytest.approx(expected, rel=0.04)


@pytest.mark.parametrize(
    ("value", "sigma"),
    [(0.5, 0.019), (math.nan, 1.0), (math.inf, 1.0), (1e30, 1.0), (0.5, 0.0)],
    ids=["texture", "not a number", "infinite", "diverged", "the end"],
)
def test_noise_that_cannot_be_distinguished_from_texture_is_not_measured(value, sigma):
    states = noise((2, 3, 32, 32)) * value
    assert math.isnan(noise_ratio(states, sigma, 0.01))


def test_a_state_that_is_smoother_than_its_texture_has_no_noise():
    assert noise_ratio(torch.full((1, 1, 16, 16), 0.5), 0.1, 0.01) == 0
