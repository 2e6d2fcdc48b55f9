"""docs/theory.md: its tables equal the output of its command, and its rules hold."""

import re

import numpy as np
import pytest

from pds.theory import Bands, MeasuredResponse
from tools import theory, theory_tables
from tools.counterfactual import Farther, MatchedOctaves, OwnNoise

DOCUMENT = theory.DOCUMENT.read_text(encoding="utf-8")
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?")
BANDS = Bands(32, 32)
LONG = ("grain", "contrast", "within", "resolution", "cause")
"""Tables that follow every sampler at every N through networks of four sizes."""


def numbers(text):
    return [float(number) for number in NUMBER.findall(text)]


def response(factor=1.0):
    """Two levels, two strengths and one tilt, with other shares in every band."""
    shape = (4, 2, 2, 1, len(BANDS.radius))
    kept = factor * np.linspace(0.1, 0.4, int(np.prod(shape))).reshape(shape)
    one = np.ones(shape)
    moments = np.stack([one, 2 * kept, 1 + 4 * kept**2, one, kept, 1 + kept**2])
    return MeasuredResponse(BANDS, np.array([0.1, 1.0]), np.array([1.0, 2.0]), np.zeros(1), moments)


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] if n in LONG else []) for n in theory.TABLES],
)
def test_a_table_of_the_document_is_what_the_command_writes(name):
    (shown,) = re.findall(rf"<!-- {name} -->\n(.*?)<!-- end -->", DOCUMENT, re.DOTALL)
    computed = theory.TABLES[name]()
    assert NUMBER.sub("", shown).strip() == NUMBER.sub("", computed).strip()
    # The last digit, of two or three, may be rounded otherwise on another processor.
    np.testing.assert_allclose(numbers(shown), numbers(computed), atol=0.0101)


def test_a_document_without_a_place_for_a_table_is_refused():
    with pytest.raises(ValueError, match="must have a place for each of survival"):
        theory.filled(DOCUMENT.replace("<!-- cause -->", ""))


def test_matched_octaves_keep_the_picture_as_at_c_1_and_all_else_is_measured():
    measured, first = response(), BANDS.num_octaves
    matched, found = MatchedOctaves(measured).at(0.3, 2.0, 0.0), measured.at(0.3, 2.0, 0.0)
    np.testing.assert_array_equal(matched.picture[:first], measured.at(0.3, 1, 0).picture[:first])
    np.testing.assert_array_equal(matched.picture[first:], found.picture[first:])
    np.testing.assert_array_equal(matched.noise, found.noise)


def test_as_kept_noise_in_flat_places_is_multiplied_by_the_ratio_at_sigma():
    measured, first = response(), BANDS.num_octaves
    ratio = np.array([[1.1, 1.2, 1.3], [1.0, 1.0, 1.0]])
    found = OwnNoise(measured, np.array([0.1, 1.0]), ratio).at(0.1, 2.0, 0.0)
    plain = measured.at(0.1, 2.0, 0.0)
    np.testing.assert_allclose(found.noise[first:], plain.noise[first:] * ratio[0])
    np.testing.assert_array_equal(found.noise[:first], plain.noise[:first])


def test_responses_that_do_not_change_with_the_size_are_extrapolated_to_themselves():
    known = ((response(), response()),)
    found = Farther(response(1.2), known, 2).at(0.3, 1.5, 0.0)
    plain = response(1.2).at(0.3, 1.5, 0.0)
    np.testing.assert_allclose(found.picture, plain.picture)
    np.testing.assert_allclose(found.noise, plain.noise)


def test_the_change_of_a_doubling_is_added_for_each_doubling():
    pairs, flat = ((response(), response(1.2)),), slice(BANDS.num_octaves, None)
    once = Farther(response(), pairs, 1).at(0.3, 1.5, 0.0)
    np.testing.assert_allclose(once.noise[flat], response(1.2).at(0.3, 1.5, 0.0).noise[flat])
    assert np.all(Farther(response(), pairs, 2).at(0.3, 1.5, 0.0).noise[flat] > once.noise[flat])


def test_a_sampled_cell_is_that_of_the_most_pictures():
    assert theory_tables.sampled()[32, "vanilla", 25]["images"] == "512"
    assert theory_tables.sampled()[32, "vanilla", 50]["images"] == "64"


def test_groups_of_pictures_have_the_mean_response_of_all():
    moments = np.repeat(response().moments, 4, axis=1)
    moments *= np.linspace(0.9, 1.1, moments.shape[1])[:, None, None, None, None]
    whole = MeasuredResponse(
        BANDS, np.array([0.1, 1.0]), np.array([1.0, 2.0]), np.zeros(1), moments
    )
    few = theory.grouped(whole, 4)
    assert few.num_pictures == 4
    np.testing.assert_allclose(few.shares.noise, whole.shares.noise)
    np.testing.assert_allclose(few.shares.invented, whole.shares.invented)
