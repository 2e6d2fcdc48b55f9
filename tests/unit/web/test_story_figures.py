"""The figures of the story: the region where PDS diverges, ticks at the points, and a legend."""

import numpy as np
import pytest

from pds.evaluation import gaussian, grain_record
from pds.web.tabs.story import figures
from pds.web.tabs.story.tab import FIELDS


def drawn_map(advantage, counts=(10, 20, 40), alphas=(1.1, 2.0, 5.0)):
    return figures.map_traces(counts, alphas, np.array(advantage), (20, 2.0))


def test_where_pds_diverges_the_map_is_gray_and_says_so():
    heat, gray, *_ = drawn_map([[-50.0, -9.0, -1.5], [-3.0, -0.5, 0.1], [0.2, 0.3, 0.4]])
    assert heat["z"] == [[None, None, -1.5], [None, -0.5, 0.1], [0.2, 0.3, 0.4]]
    assert gray["z"] == [[1, 1, None], [1, None, None], [None, None, None]]
    assert "gray: PDS diverges" in figures.layouts()["map"]["xaxis"]["title"]["text"]


def test_a_map_without_divergence_has_no_gray():
    heat, gray, line, mark = drawn_map(np.full((3, 3), -1.7))
    assert np.array(heat["z"]).min() == -1.7
    assert set(np.ravel(gray["z"])) == {None}
    assert (line["type"], mark["type"]) == ("contour", "scatter")


@pytest.mark.parametrize("model", FIELDS)
def test_below_an_alpha_that_diverges_every_stronger_filter_does(model):
    diverged = gaussian.advantage(gaussian.field(model)) < figures.DIVERGED
    assert (np.diff(diverged.astype(int), axis=0) <= 0).all()
    assert diverged[0, 0] and not diverged[:, gaussian.COUNTS.index(400) :].any()


@pytest.mark.parametrize("model", ["portraits64", "portraits32"])
def test_the_figure_of_grain_has_a_tick_at_every_measured_count(model):
    axis = figures.layouts()["grain"]["xaxis"]
    measured = {
        p.num_steps for points in grain_record.read_points()[model].values() for p in points
    }
    low, high = (10**end for end in axis["range"])
    assert {n for n in measured if low < n < high} <= set(axis["tickvals"])
