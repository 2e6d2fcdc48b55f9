"""The story's first step: numbers and sentences of a walk in the plane."""

import json
import math

import pytest

from pds.theory.plane import Gaussian
from pds.web.tabs.story import lab

VALUES = {"kappa": 50.0, "length": 0.036, "power": 1.0, "swirl": 2.0}


def view(**changes):
    return lab.view(VALUES | changes)


def states(panel):
    return [direction["steps"] for direction in panel["directions"]]


def test_all_walks_begin_at_one_point():
    starts = {(p["mean"]["x"][0], p["mean"]["y"][0]) for p in view()["panels"].values()}
    assert len(starts) == 1


def test_a_direction_s_steps_are_those_that_leave_one_percent():
    short = math.ceil(math.log(0.01) / math.log(abs(1 - 0.036 * 50)))
    long = math.ceil(math.log(0.01) / math.log(1 - 0.036))
    assert states(view()["panels"]["vanilla"]) == [long, short]
    assert states(view()["panels"]["M"]) == [long, long]


def test_beyond_its_limit_vanilla_is_unstable_and_m_is_not():
    panels = view(length=0.05)["panels"]
    assert states(panels["vanilla"])[1] is None
    assert "unstable" in panels["vanilla"]["directions"][1]["text"]
    assert None not in states(panels["M"])


def test_a_walk_that_flies_off_is_cut_and_stays_valid_json():
    answer = view(length=3.0, kappa=1000.0)
    vanilla = answer["panels"]["vanilla"]
    assert len(vanilla["mean"]["x"]) < 10
    json.dumps(answer, allow_nan=False)


def test_without_m_and_swirl_all_three_walks_are_one():
    panels = view(power=0.0, swirl=0.0)["panels"]
    assert panels["vanilla"]["chain"] == panels["M"]["chain"] == panels["M and S"]["chain"]


def test_the_sentence_says_every_setting():
    text = view()["text"]["lab"]
    for words in ("a step of 0.036 ", "condition number 50 ", "a share of 1 of M", "Swirl 2 "):
        assert words in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "vanilla overshoots the short axis and zigzags"),
        ({"length": 0.01}, "vanilla goes straight"),
        ({"length": 0.5}, "beyond its limit of 0.04 and diverges"),
        ({"power": 0.5}, "makes the condition number 7.07"),
        ({"length": 0.5, "swirl": 5.0}, "With swirl 5 the same step diverges"),
        ({"kappa": 1.0}, "At its best step vanilla needs 1 step;"),
    ],
)
def test_the_sentence_says_what_the_walk_does(changes, words):
    assert words in view(**changes)["text"]["lab"]


def test_the_law_starts_as_a_point_and_grows_to_the_target():
    law = view(length=0.3)["panels"]["M"]["law"]
    assert law[0] == [0, 0, 0, 0]
    a, b, c, d = law[-1]
    # ULA settles at C / (1 - e/2) for M = C^(1/2).
    determinant = float(Gaussian(50.0).covariance.det()) / (1 - 0.15) ** 2
    assert (a * d - b * c) ** 2 == pytest.approx(determinant, rel=1e-3)


def test_mala_accepts_more_with_m_and_refuses_s():
    panels = view()["panels"]
    share = {name: panels[name]["acceptance"] for name in panels}
    assert share["M"].startswith("MALA accepts 99")
    assert share["vanilla"].startswith("MALA accepts 5")
    assert "cannot take S" in share["M and S"]
