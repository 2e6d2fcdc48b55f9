"""Contrast at equal grain: a planted ratio of both families is recovered."""

import csv
import io

import numpy as np
import pytest

from pds.evaluation import equal_grain
from pds.evaluation.equal_grain import Curve
from pds.evaluation.metrics import Draws
from pds.evaluation.store import Cell

BOTH = {
    "pds:3": (1.2, 0.9), "pds:10": (2.4, 0.9),
    "scalar": (1.0, 0.6), "scalar:1.1": (2.0, 0.8),
}  # fmt: skip


class Given:
    """Evidence with given grain and contrast; one relative error is common to all contrasts."""

    name = "network"

    def __init__(self, cells):
        self.cells = {Cell(arm, 25): pair for arm, pair in cells.items()}

    def count(self, cell):
        return 7

    def draws(self, cell, num_images):
        assert num_images == 7
        grain, contrast = self.cells[cell]
        error = np.linspace(0.8, 1.2, 101)
        return {
            "grain": Draws(grain, np.full(101, grain)),
            "contrast": Draws(contrast, contrast * error),
        }


def test_contrast_is_linear_in_the_logarithm_of_grain():
    curve = Curve(np.array([4.0, 1.0]), np.array([0.2, 0.8]))
    assert curve.at(np.array([1.0, 2.0, 4.0])) == pytest.approx([0.8, 0.5, 0.2])


def test_the_curves_are_compared_over_the_grain_that_both_cover():
    *levels, mean = equal_grain.compare(Given(BOTH))
    assert [levels[0].grain, levels[-1].grain] == pytest.approx([1.2, 2.0])
    assert [row.pds for row in levels] == pytest.approx([0.9] * len(levels))
    constant = [0.6 + 0.2 * np.log(row.grain) / np.log(2) for row in levels]
    assert [row.constant for row in levels] == pytest.approx(constant)
    assert np.isnan(mean.grain)
    assert mean.ratio.value == pytest.approx(0.9 / np.mean(constant))


def test_an_error_that_both_share_is_none_of_their_ratio():
    ratios = [row.ratio for row in equal_grain.compare(Given(BOTH))]
    assert [ratio.low for ratio in ratios] == pytest.approx([ratio.high for ratio in ratios])


@pytest.mark.parametrize("missing", ["pds:3", "scalar:1.1"])
def test_a_family_of_one_is_not_compared(missing):
    few = {arm: pair for arm, pair in BOTH.items() if arm != missing}
    assert list(equal_grain.compare(Given(few))) == []


def test_families_without_common_grain_are_not_compared():
    apart = {**BOTH, "scalar": (0.5, 0.6), "scalar:1.1": (0.9, 0.8)}
    assert list(equal_grain.compare(Given(apart))) == []


@pytest.mark.parametrize(
    ("contrast", "verdict"),
    [(0.9, "keeps more contrast than"), (0.3, "keeps less contrast than")],
)
def test_the_sentence_says_which_keeps_more(contrast, verdict):
    cells = {**BOTH, "pds:3": (1.2, contrast), "pds:10": (2.4, contrast)}
    (sentence,) = equal_grain.sentences(list(equal_grain.compare(Given(cells))))
    assert verdict in sentence
    assert sentence.startswith("At N = 25 and equal grain, 1.20 to 2.00 times the reference's")


def test_the_file_has_a_row_for_each_grain_and_one_for_the_mean():
    compared = list(equal_grain.compare(Given(BOTH)))
    rows = list(csv.DictReader(io.StringIO(equal_grain.to_csv(compared))))
    assert len(rows) == len(compared)
    assert rows[0]["N"] == "25"
    assert float(rows[0]["grain"]) == pytest.approx(1.2)
    assert rows[-1]["grain"] == ""
    assert float(rows[-1]["ratio"]) == pytest.approx(compared[-1].ratio.value, rel=1e-4)
