"""The response of a denoiser, measured on exact Gaussian scores, against closed forms."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
import torch

from pds import models, theory
from pds.driving import seeded_noise
from pds.evaluation import responses
from pds.evaluation.gaussian import Field
from pds.evaluation.subject import Subject
from pds.files.arrays import read_npz, to_npz
from pds.scores.gaussian import GaussianField
from pds.sde import VESDE, VPSDE, SubVPSDE
from pds.spectra import inverse_square_power
from pds.theory import Bands, FlatPlaces, LinearResponse, response_file
from pds.theory.response import STRENGTHS, TILTS

CPU = torch.device("cpu")
COUNT = 16
LEVELS = 12
"""Values of sigma that a response of the clouds is measured at."""
FAR = 6.0
"""Standard errors that 16 pictures exceed by chance once in 40,000 comparisons."""


def last(items):
    *_, found = items
    return found


@pytest.fixture(scope="module")
def linear(clouds):
    """The response of an exact score of Gaussian data, measured."""
    return last(responses.measure(clouds, clouds.model.score, COUNT))


def measured(denoiser, pictures, **options):
    noise = seeded_noise(range(len(pictures)))
    return last(theory.measure(denoiser, pictures, 0.01, noise, **options))


def shrunk(x, sigma):
    """A linear denoiser that is none of these pictures."""
    return x / (1 + sigma)


def pictures_of(*, count=8, size=16):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


# The bands


@pytest.fixture(scope="module")
def places():
    return FlatPlaces(pictures_of(count=64, size=32), Bands(32, 32))


@pytest.fixture(scope="module")
def white():
    noise = seeded_noise(range(64))(torch.Size((64, 3, 32, 32)))
    return noise.double()


def standard_deviations(places, images):
    parts = places.parts(images)
    return np.sqrt(places.moments(parts, parts).mean(0))


def test_white_noise_has_differences_of_its_own_standard_deviation_at_every_scale(places, white):
    found = standard_deviations(places, white)[places.bands.num_octaves :]
    # Thousands of independent places at the finest scale, and some hundred at the coarsest.
    np.testing.assert_allclose(found, 1.0, atol=0.05)


@pytest.mark.parametrize("tilt", [-0.25, 0.5, 0.75])
def test_colored_noise_has_the_strengths_that_the_bands_say(places, white, tilt):
    bands = places.bands
    found = standard_deviations(places, bands.colored(white, 1.7, tilt))
    # A band holds more than one |k|, and its strength is that at the mean.
    np.testing.assert_allclose(found, bands.strengths(1.7, tilt), rtol=0.12)


def test_noise_is_c_at_the_finest_scale_and_grows_by_its_tilt_an_octave():
    bands = Bands(64, 64)
    finest = bands.num_octaves
    strength = bands.strengths(2.0, 0.5)[finest:]
    radius = bands.radius[finest:]
    assert strength[0] == pytest.approx(2.0)
    np.testing.assert_allclose(strength, 2.0 * (radius[0] / radius) ** 0.5)


# What is measured


def expected_shares(field, bands, sigma, tilt):
    """tau and rho of each octave for the exact score, from every frequency by itself."""
    power = field.model.data_power[0]
    kept = power / (power + sigma**2)
    pulse = torch.zeros(1, 1, *power.shape, dtype=torch.float64)
    pulse[..., 0, 0] = 1
    strength = torch.fft.fft2(bands.colored(pulse, 1.0, tilt)).abs()[0, 0] ** 2

    def octaves(weight):
        total = [np.bincount(bands.octave.flatten(), w.flatten()) for w in (weight * kept, weight)]
        return total[0] / total[1]

    return octaves(power), octaves(strength)


@pytest.mark.parametrize("layer", range(len(TILTS)))
@pytest.mark.parametrize("column", range(len(STRENGTHS)))
def test_an_exact_gaussian_score_keeps_power_over_power_and_noise(clouds, linear, column, layer):
    octaves = slice(1, linear.bands.num_octaves)  # the brightness is not of the field's spectrum
    errors = linear.errors()
    rows = [row for row in range(len(linear.sigmas)) if linear.planted(row, layer)]
    expected = [
        expected_shares(clouds.field, linear.bands, linear.sigmas[row], TILTS[layer])
        for row in rows
    ]
    place = (rows, column, layer, octaves)
    found, error = (
        np.stack([shares.picture[place], shares.noise[place]], axis=1)
        for shares in (linear.shares, errors)
    )
    gap = np.abs(found - np.array(expected)[..., octaves])
    np.testing.assert_array_less(gap, FAR * error + 1e-4)


def test_a_linear_score_invents_nothing(linear):
    octaves = slice(0, linear.bands.num_octaves)
    noise = (linear.sigmas[:, None] * linear.strengths)[..., None, None]
    # What is left is the spread of the power within an octave.
    total = linear.power[octaves] + noise**2
    assert (linear.shares.invented[..., octaves] / total).max() < 0.1


def test_steins_identity_holds_for_an_exact_score(linear):
    yy, ye, _, _, no, _ = linear.moments[:, :, :, 1, 0, : linear.bands.num_octaves]
    gap = (ye + no - yy).std(0, ddof=1)
    error = gap / np.sqrt(linear.num_pictures) / yy.mean(0)
    seen = np.isfinite(linear.stein)
    assert seen.any(0).all()
    assert (np.abs(linear.stein - 1) <= FAR * error + 1e-4)[seen].all()
    assert responses.distance_from_exact(linear) < 0.05


def test_another_score_is_far_from_steins_identity():
    found = measured(shrunk, pictures_of(), strengths=(1.0,), tilts=(0.0,))
    assert responses.distance_from_exact(found) > 0.05


def test_both_signs_of_the_noise_are_denoised_in_one_call():
    calls = []

    def counted(x, sigma):
        calls.append(len(x))
        return shrunk(x, sigma)

    found = measured(counted, pictures_of(), strengths=(1.0, 2.0), tilts=(0.0,))
    assert calls == [16] * (2 * len(found.sigmas))


def test_no_noise_beyond_the_levels_of_the_process_is_planted():
    sigmas = []

    def watched(x, sigma):
        sigmas.append(sigma)
        return shrunk(x, sigma)

    measured(watched, pictures_of(), sigma_max=0.5, strengths=(1.0,), tilts=(0.0,))
    assert min(sigmas) == pytest.approx(0.01)
    assert max(sigmas) == pytest.approx(0.5)


def test_errors_are_the_spread_over_disjoint_sets_of_pictures(clouds):
    small = replace(clouds, field=Field("small clouds", models.field(16)))
    score, pictures = small.model.score, small.held_out(160)

    def denoiser(x, sigma):
        return x + sigma**2 * score(x, small.field.time(sigma).expand(len(x)))

    found = measured(denoiser, pictures, strengths=(1.0,), tilts=(0.0,))
    sets = [replace(found, moments=found.moments[:, i : i + 8]) for i in range(0, 160, 8)]
    spread = np.stack([part.shares.noise for part in sets]).std(0, ddof=1)
    claimed = np.sqrt(np.mean([part.errors().noise ** 2 for part in sets], 0))
    # Twenty sets tell a standard deviation to 16 %, all bands and levels together far better.
    assert np.exp(np.log(spread / claimed).mean()) == pytest.approx(1.0, abs=0.15)


def test_intervals_hold_the_value_and_are_wider_than_two_standard_errors(linear):
    low, high = responses.intervals(linear)
    assert (low.noise <= linear.shares.noise).all()
    assert (high.noise - linear.shares.noise >= 2 * linear.errors().noise).all()
    assert (low.invented >= 0).all()


# Between the measured values


@pytest.mark.parametrize(("row", "column", "layer"), [(0, 0, 0), (3, 4, 1), (5, 7, 0)])
def test_the_response_passes_through_its_measured_values(linear, row, column, layer):
    at = linear.at(linear.sigmas[row], linear.strengths[column], linear.tilts[layer])
    np.testing.assert_allclose(at, [table[row, column, layer] for table in linear.shares])


def test_between_measured_values_the_response_is_monotone(linear):
    low, high = linear.sigmas[3:5]
    along = [linear.at(sigma, 1.1, 0.2).noise for sigma in np.geomspace(low, high, 9)]
    steps = np.diff(along, axis=0)
    assert ((steps <= 1e-12).all(0) | (steps >= -1e-12).all(0)).all()


def test_beyond_what_was_measured_the_response_is_defined(linear):
    lowest, highest = linear.sigmas[[0, -1]]
    weak, strong = linear.strengths[[0, -1]]
    np.testing.assert_allclose(linear.at(lowest / 9, 1, 0).noise, linear.at(lowest, 1, 0).noise)
    np.testing.assert_allclose(linear.at(0.1, 99, 0).noise, linear.at(0.1, strong, 0).noise)
    np.testing.assert_allclose(linear.at(0.1, 0, 0).noise, linear.at(0.1, weak, 0).noise)
    gaussian = LinearResponse(linear.bands, linear.power).at(2 * highest, 1, 0)
    np.testing.assert_allclose(linear.at(2 * highest, 1, 0).noise, gaussian.noise)


# What cannot be measured


@pytest.mark.parametrize(
    ("pictures", "sentence"),
    [
        (pictures_of(count=7), "8 or more are needed, got 7"),
        (pictures_of(size=15), "at least 16 x 16 pixels, got 15 x 15"),
        (torch.where(torch.arange(8)[:, None, None, None] == 5, torch.nan, pictures_of()),
         "1 of 8 have not, the first is number 5"),
    ],
)  # fmt: skip
def test_pictures_that_cannot_be_measured_are_refused_in_one_sentence(pictures, sentence):
    with pytest.raises(ValueError, match=sentence) as raised:
        measured(shrunk, pictures)
    assert "\n" not in str(raised.value)


def test_of_constant_pictures_nothing_is_there_to_keep():
    found = measured(shrunk, torch.full((8, 3, 16, 16), 0.4))
    assert (found.power == 0).all()
    assert (found.shares.picture == 0).all()
    # A linear denoiser keeps the same share of any noise, of these pictures too.
    kept = 1 / (1 + found.sigmas[:, None, None, None])
    expected = np.broadcast_to(kept, found.shares.noise.shape)
    np.testing.assert_allclose(found.shares.noise, expected, rtol=1e-5)  # single precision
    assert np.isnan(responses.distance_from_exact(found))
    assert "nan" not in responses.table(found)


def test_pictures_of_noise_alone_have_a_response_in_their_flattest_places():
    found = measured(shrunk, pictures_of())
    assert all(np.isfinite(share).all() for share in found.shares)
    assert (found.power > 0).all()


@pytest.mark.parametrize("sde", [VPSDE(), SubVPSDE()])
def test_a_process_without_sigma_is_refused_with_the_variables_in_which_it_would_hold(clouds, sde):
    model = replace(clouds.model, sde=sde)
    other = Subject("mine", Field("mine", model), None, CPU)
    with pytest.raises(ValueError, match=r"mine has .*VPSDE; there it would hold for x / scale"):
        next(responses.measure(other, model.score))
    with pytest.raises(ValueError, match="state evolution needs the states of VE"):
        theory.Evolution(LinearResponse(Bands(64, 64), np.ones(10)), sde)


# Files


@pytest.fixture(scope="module")
def saved(linear, tmp_path_factory):
    path = tmp_path_factory.mktemp("responses") / "clouds.npz"
    response_file.save(path, linear, "mine")
    return path


def test_a_saved_response_is_the_same_in_single_precision(linear, saved):
    found = response_file.load(saved, "mine")
    assert (found.bands, found.num_pictures) == (linear.bands, COUNT)
    np.testing.assert_allclose(found.moments, linear.moments, rtol=1e-6, atol=1e-30)
    grids = {name: (getattr(found, name), getattr(linear, name)) for name in response_file.GRIDS}
    assert [name for name, pair in grids.items() if not np.array_equal(*pair)] == []


def test_a_response_of_another_model_is_refused(saved):
    with pytest.raises(ValueError, match="the response of another network, or of other masks"):
        response_file.load(saved, "another")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sigmas": None}, "it has no sigmas"),
        ({"size": np.array([64, 64])}, "its moments have the shape"),
        ({"size": np.array([8, 8])}, "at least 16 x 16"),
        ({"size": np.array([32])}, "damaged"),
        ({"strengths": np.array([3.0, 2.0])}, "its strengths do not ascend"),
        ({"sigmas": np.array(0.5)}, "its sigmas do not ascend"),
        ({"sigmas": np.arange(LEVELS) - 3.0}, "its sigmas are not positive"),
        ({"tilts": np.array(["a", "b"])}, "damaged"),
        ({"moments": np.zeros((6, 2, LEVELS, 8, 2, 9))}, "it is of 2 images"),
        ({"moments": np.full((6, 8, LEVELS, 8, 2, 9), np.nan)}, "its moments are not finite"),
    ],
)
def test_a_damaged_response_is_refused_in_one_sentence(saved, tmp_path, change, sentence):
    arrays = {**read_npz(saved), **change}
    path = tmp_path / "damaged.npz"
    path.write_bytes(to_npz(**{name: value for name, value in arrays.items() if value is not None}))
    with pytest.raises(ValueError, match=sentence) as raised:
        response_file.load(path)
    assert str(path) in str(raised.value)


def test_a_file_that_is_cut_off_or_of_another_kind_is_refused(saved, tmp_path):
    path = tmp_path / "cut.npz"
    path.write_bytes(saved.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"is no \.npz file"):
        response_file.load(path)
    with pytest.raises(FileNotFoundError, match=r"no response at .*none\.npz"):
        response_file.load(tmp_path / "none.npz")


@pytest.mark.parametrize("place", [6, 8, 10])
def test_a_file_with_a_wrong_byte_is_refused_in_one_sentence(saved, tmp_path, place):
    """Version, flags and compression of a member of the archive."""
    content = bytearray(saved.read_bytes())
    start = content.rindex(b"PK\x01\x02")
    content[start + place] ^= 0x55
    path = tmp_path / "changed.npz"
    path.write_bytes(bytes(content))
    with pytest.raises(ValueError, match=r"changed\.npz is"):
        response_file.load(path)


def test_the_table_has_a_row_for_everything_that_was_planted(linear):
    rows = list(csv.DictReader(io.StringIO(responses.to_csv(linear))))
    levels = sum(linear.planted(row, t) for row in range(len(linear.sigmas)) for t in range(2))
    assert len(linear.sigmas) < levels < 2 * len(linear.sigmas)
    assert len(rows) == levels * len(linear.strengths) * len(linear.power)
    row = rows[len(linear.power) * len(linear.strengths) + 3]
    assert tuple(row) == responses.COLUMNS
    assert float(row["noise_low"]) <= float(row["noise"]) <= float(row["noise_high"])


@pytest.fixture
def noise_field():
    power = inverse_square_power(32, variance=0.06)
    pictures = GaussianField(power[None], VESDE()).sample(
        seeded_noise(range(200))(torch.Size((200, 1, 32, 32)))
    )
    return LinearResponse.of(power), pictures.double()


def test_the_power_of_a_field_that_is_alike_everywhere_is_that_of_its_pictures(noise_field):
    response, pictures = noise_field
    bands = response.bands
    places = FlatPlaces(pictures, bands)
    places.masks = [torch.ones_like(mask) for mask in places.masks]
    places.counts = [mask.sum((1, 2, 3)) for mask in places.masks]
    parts = places.parts(pictures)
    measured = places.moments(parts, parts).mean(0)
    np.testing.assert_allclose(response.power[1:], measured[1:], rtol=0.1)
