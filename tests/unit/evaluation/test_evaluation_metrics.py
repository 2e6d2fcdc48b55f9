"""The metrics: closed forms, their order for increasing damage, and the N of equal quality."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pds import spectra
from pds.appearance import Appearance, grain
from pds.driving import seeded_noise
from pds.evaluation import equivalence, metrics
from pds.evaluation.features import features, haar
from pds.evaluation.metrics import BANDS, METRICS, Draws, Reference, resamples
from pds.portraits import portraits
from pds.scores.gaussian import GaussianField
from pds.sde import VESDE
from pds.spectra import inverse_square_power

POWER = inverse_square_power(32, variance=0.06)
FIELD = GaussianField(POWER, VESDE(), mean=0.5)


SEEN = ["spectrum_db", "w2", "sliced", "frechet"]
"""Metrics that noise raises."""


@pytest.fixture(scope="module")
def faces():
    return portraits(range(1_001_000, 1_001_240))


def fields(count, first=0):
    return FIELD.sample(seeded_noise(range(first, first + count))(torch.Size((count, 1, 32, 32))))


@pytest.fixture(scope="module")
def thousand():
    """A reference of a thousand clouds."""
    return Reference.of(fields(1000))


@pytest.fixture(scope="module")
def samples():
    """Features of 40 samples of 32 clouds."""
    sample = features(fields(40 * 32, 2000))
    return [sample[first : first + 32] for first in range(0, 40 * 32, 32)]


def test_half_of_the_data_is_near_the_floor_and_spoiled_data_are_not(faces):
    reference = Reference(features(faces[64:]), (32, 32))
    floor = reference.floor(64)
    clean = reference.estimates(features(faces[:64]))
    noisy = reference.estimates(features(faces[:64] + 0.1 * torch.randn(64, 3, 32, 32)))
    # Of 20 draws behind the floor none was beyond 2.5 times their mean.
    assert [m for m in SEEN if clean[m] < 3 * floor[m].value < noisy[m]] == SEEN


def test_haar_is_orthonormal(faces):
    images = faces[:3].double()
    details, coarse = haar(images)
    assert [tuple(d.shape[-2:]) for d in details] == [(16, 16), (8, 8), (4, 4)]
    energy = sum(d.square().sum() for d in details) + coarse.square().sum()
    assert float(energy) == pytest.approx(float(images.square().sum()), rel=1e-12)


def test_orientations_are_distinguished():
    rows = torch.arange(32) % 2 * torch.ones(32, 32)
    details, _ = haar(rows[None, None].double())
    horizontal, vertical, diagonal = details[0].square().mean((0, 2, 3, 4)).tolist()
    assert horizontal == pytest.approx(1.0)  # differences of 1 over sqrt 2, in pairs
    assert vertical == diagonal == 0


def test_fine_power_is_that_of_spectra(faces):
    noisy = faces[:40] + 0.05 * torch.randn(40, 3, 32, 32)
    reference = Reference(features(faces[40:]), (32, 32))
    fine = [spectra.fine_power(spectra.power(images)) for images in (noisy, faces[40:])]
    found = reference.estimates(features(noisy))["fine_power"]
    assert found == pytest.approx(fine[0] / fine[1], rel=1e-9)


def test_grain_and_contrast_are_those_of_appearance(faces):
    one, other = 0.9 * faces[:40] + 0.02 * torch.randn(40, 3, 32, 32), faces[40:]
    found = Reference.of(other).estimates(features(one))
    mine, theirs = Appearance.of(one), Appearance.of(other)
    assert (found["grain"], found["contrast"]) == pytest.approx(mine.relative_to(theirs), rel=1e-9)
    bands = zip(mine.coarse_power, theirs.coarse_power, strict=True)
    assert [found[band] for band in BANDS] == pytest.approx([a / b for a, b in bands], rel=1e-9)
    whole = [float(grain(images, flattest=1).mean()) for images in (one, other)]
    assert found["grain_everywhere"] == pytest.approx(whole[0] / whole[1], rel=1e-9)
    assert found["grain_db"] == pytest.approx(abs(20 * np.log10(found["grain"])), rel=1e-9)


def test_contrast_of_an_image_that_is_not_square_is_that_of_appearance():
    images = torch.randn(12, 1, 16, 24, generator=torch.Generator().manual_seed(0))
    found = Reference.of(images[6:]).estimates(features(images[:6]))["contrast"]
    expected = Appearance.of(images[:6]).relative_to(Appearance.of(images[6:])).contrast
    assert found == pytest.approx(expected, rel=1e-9)


def test_white_noise_has_the_closed_form_of_w2_and_of_the_spectrum():
    data, sigma = fields(400), 0.1
    reference = Reference(features(data), (32, 32))
    found = reference.estimates(features(data + sigma * torch.randn(data.shape)))
    radii = spectra.radii(32, 32)
    gap = (torch.sqrt(POWER + sigma**2) - torch.sqrt(POWER))[radii > 0]
    # The rings' mean power stands for that of their modes, and 400 images have 1 % of noise.
    assert found["w2"] == pytest.approx(float(gap.square().mean().sqrt()), rel=0.03)
    ratio = spectra.radial(POWER + sigma**2).power / spectra.radial(POWER).power
    expected = np.sqrt(np.mean(np.square(10 * np.log10(ratio))))
    assert found["spectrum_db"] == pytest.approx(expected, rel=0.03)


def test_frechet_distance_of_shifted_features_is_the_squared_shift(faces):
    sample = features(faces)
    reference = Reference(sample, (32, 32))
    assert reference.estimates(sample)["frechet"] == pytest.approx(0, abs=1e-6)
    moved = sample.summary + 0.5 * sample.summary.std(0)
    shifted = replace(sample, summary=moved)
    expected = 0.25 * sample.summary.shape[1]
    assert reference.estimates(shifted)["frechet"] == pytest.approx(expected, rel=1e-6)


def test_sliced_distance_of_shifted_projections_is_the_shift(faces):
    sample = features(faces)
    reference = Reference(sample, (32, 32))
    moved = sample.projections + 0.7 * sample.projections.std(0)
    shifted = replace(sample, projections=moved)
    assert reference.estimates(shifted)["sliced"] == pytest.approx(0.7, rel=1e-6)


def test_a_resample_is_measured_as_the_images_that_it_has(faces):
    reference, sample = Reference(features(faces[40:]), (32, 32)), features(faces[:40])
    indices = resamples(40)[:3]
    found = reference.measure(sample, indices)
    alone = [reference.estimates(sample[row]) for row in indices]
    values = {(metric, b): found[metric][b] for metric in METRICS for b in range(3)}
    expected = {(metric, b): alone[b][metric] for metric, b in values}
    assert values == pytest.approx(expected, rel=1e-6)


@pytest.fixture(scope="module")
def few_and_many(thousand):
    """The same pictures against 32 and against 1000 of a reference."""
    one = features(fields(64, 9000))
    return [reference.draws(one) for reference in (Reference.of(fields(32)), thousand)]


@pytest.mark.parametrize("metric", ["grain", "contrast", "fine_power"])
def test_a_ratio_to_few_images_of_a_reference_is_less_sure_than_to_many(few_and_many, metric):
    few, many = (draws[metric].interval() for draws in few_and_many)
    # 32 images add twice the variance of the sample of 64: a factor of 1.7; 1000 hardly any.
    assert few.high - few.low > 1.3 * (many.high - many.low)


@pytest.mark.parametrize("metric", ["fine_power", "grain", "contrast", "contrast_1"])
def test_intervals_hold_the_truth_about_as_often_as_they_say(metric, intervals):
    inside = sum(scores[metric].low <= 1 <= scores[metric].high for scores in intervals)
    # Of 40 intervals of 95 %, fewer than 32 hold it with a chance of 1e-3; so do the seeds here.
    assert inside >= 32


@pytest.fixture(scope="module")
def intervals(samples):
    """Of 40 samples of 32 clouds, against a thousand others, each of 200 resamples."""
    reference = Reference.of(fields(1000))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(metrics, "RESAMPLES", 200)
        draws = [reference.draws(sample) for sample in samples]
    return [{name: drawn.interval() for name, drawn in each.items()} for each in draws]


def test_contrast_of_few_images_is_unbiased(intervals):
    """A variance about the own mean picture is too small by 1/32 unless that is made good."""
    values = [scores["contrast_3"].value for scores in intervals]
    # The standard error of the mean is 0.4 %, that of the reference 0.5 %.
    assert np.mean(values) == pytest.approx(1, abs=0.02)


def test_a_floor_holds_other_images_of_the_reference_about_as_often_as_it_says(thousand, samples):
    floor = thousand.floor(32)["grain"]
    others = Reference.of(fields(1000, 5000))
    values = [others.estimates(sample)["grain"] for sample in samples]
    # As for the intervals; the reference that sets the floor is one of many, hence one fewer.
    assert sum(floor.low <= value <= floor.high for value in values) >= 31


def test_a_paired_ratio_is_surer_than_its_parts():
    reference = Reference(features(fields(300)), (32, 32))
    one = fields(32, 1000)
    a, b = (reference.draws(features(x))["fine_power"] for x in (one, one * 1.1))
    ratio = b.over(a)
    assert ratio.value == pytest.approx(1.21, rel=1e-5)
    assert ratio.high - ratio.low < 1e-5
    assert a.interval().high - a.interval().low > 1e-3


def test_an_interval_is_centered_on_the_estimate_not_on_the_biased_resamples():
    draws = Draws(1.0, np.linspace(2.0, 3.0, 1001))
    assert draws.interval() == pytest.approx((1.0, 0.525, 1.475))


def test_grain_below_the_floor_is_matched_where_vanilla_comes_down_to_the_floor():
    curve = [Draws(value, np.full(5, value)) for value in (2.0, 1.2, 1.01)]
    smooth = Draws(0.8, np.full(5, 0.8))
    matched = equivalence.interval(COUNTS, curve, smooth, enough=1.05)
    assert matched == equivalence.interval(COUNTS, curve, Draws(1.05, np.full(5, 1.05)))
    assert 100 < matched.value < 1000
    assert equivalence.interval(COUNTS, curve, smooth, enough=np.nan).value == np.inf


COUNTS = np.array([10.0, 100.0, 1000.0])


@pytest.mark.parametrize(
    ("curve", "value", "expected"),
    [
        ([4.0, 2.0, 1.0], 2.0, 100),
        ([4.0, 2.0, 1.0], 8**0.5, 10**1.5),
        ([4.0, 2.0, 1.0], 5.0, 0),  # worse than the fewest
        ([4.0, 2.0, 1.0], 0.5, np.inf),  # better than all
        ([4.0, 1.0, 2.0], 1.5, 10 ** (1 + np.log(4 / 1.5) / np.log(4))),  # rises at the end
        ([4.0, 1.0, 2.0], 0.9, np.inf),
        ([1.0, 2.0, 0.5], 1.5, 0),  # its fewest are good already
    ],
)
def test_a_match_is_where_the_best_so_far_falls_to_the_value(curve, value, expected):
    found = equivalence.match(COUNTS, np.array([curve]), np.array([value]))
    assert found[0] == pytest.approx(expected)
