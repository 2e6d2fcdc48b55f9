"""Checks that every entry point shares."""

import math

import numpy as np
import pytest

from pds.limits import require_alpha, require_positive, require_snr, require_whole


@pytest.mark.parametrize("alpha", [1.001, 5, np.float32(5), np.int64(5)])
def test_an_alpha_above_one_is_taken(alpha):
    assert require_alpha(alpha, most=5) == float(alpha)


@pytest.mark.parametrize("alpha", [1, 0.5, -math.inf, math.inf, math.nan, True, "5", None, 6])
def test_any_other_alpha_is_refused_with_its_value_and_advice(alpha):
    with pytest.raises(ValueError, match=r"alpha must be > 1 and <= 5, got .*the paper uses 5"):
        require_alpha(alpha, most=5)


@pytest.mark.parametrize("snr", [0, -1, math.inf, math.nan, True, "0.1", None])
def test_an_snr_that_is_no_positive_number_is_refused(snr):
    with pytest.raises(ValueError, match=r"snr must be > 0, got .*the paper uses"):
        require_snr(snr)


@pytest.mark.parametrize("value", [0, -1.0, math.inf, math.nan, None])
def test_a_positive_number_is_finite(value):
    with pytest.raises(ValueError, match="the step must be > 0 and finite, got"):
        require_positive("the step", value)


@pytest.mark.parametrize("value", [5, 5.0, np.int64(5)])
def test_whole_numbers_of_any_type_are_taken_as_an_int(value):
    whole = require_whole("the count", value, 5, 5)
    assert whole == 5 and type(whole) is int


@pytest.mark.parametrize("value", [0, 2.5, math.inf, math.nan, True, "1", None])
def test_anything_else_is_no_whole_number(value):
    with pytest.raises(ValueError, match=r"must be a whole number >= 1, got .*; 8 are ok"):
        require_whole("the count", value, 1, advice="8 are ok")
