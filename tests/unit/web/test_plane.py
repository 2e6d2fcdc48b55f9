"""The story's first step: numbers and sentences of the walks in the plane."""

import base64
import json
import math

import numpy as np
import pytest
import torch

from pds.web.tabs.story import plane, tab, targets, walks

VALUES = {
    "step": "plane", "model": "field64", "target": "ellipse", "sampler": "ULA",
    "start": [1.33, 1.69], "kappa": 50.0, "length": 0.036, "power": 1.0, "swirl": 0.0,
}  # fmt: skip
STROKE = [[round(-1 + 0.1 * i, 2), 0.5] for i in range(21)]


def view(**changes):
    return tab.view(VALUES | changes)


def text(**changes):
    return view(**changes)["text"]["plane"]


def num_steps(panel):
    return [direction["steps"] for direction in panel["directions"]]


def points(panel):
    """The shown walks, (T, N, 2)."""
    whole = np.frombuffer(base64.b64decode(panel["chains"]), "<i2")
    return whole.reshape(walks.NUM_STEPS + 1, -1, 2) / plane.SCALE


def judge(guess):
    return tab.judge({"step": "plane", "model": "field64", "guess": guess})


def test_all_walks_begin_at_the_start():
    start = [-1.25, 0.5]
    panels = view(start=start)["panels"]
    means = {name: panel["mean"][0] for name, panel in panels.items()}
    assert means == dict.fromkeys(panels, start)
    offsets = {name: np.abs(points(panel)[0] - start).max() for name, panel in panels.items()}
    assert max(offsets.values()) < 1 / plane.SCALE, offsets


def test_a_direction_s_steps_are_those_that_leave_one_percent():
    narrow = math.ceil(math.log(0.01) / math.log(abs(1 - 0.036 * 50)))
    wide = math.ceil(math.log(0.01) / math.log(1 - 0.036))
    assert num_steps(view()["panels"]["vanilla"]) == [wide, narrow]
    assert num_steps(view()["panels"]["M"]) == [wide, wide]


def test_beyond_two_over_kappa_vanilla_is_unstable_and_m_is_not():
    panels = view(length=0.041)["panels"]
    assert [d["unstable"] for d in panels["vanilla"]["directions"]] == [False, True]
    assert "unstable" in panels["vanilla"]["directions"][1]["text"]
    assert not any(d["unstable"] for d in panels["M"]["directions"])


def test_a_walk_that_diverges_is_cut_and_stays_valid_json():
    answer = view(length=3.0, kappa=1000.0)
    assert len(answer["panels"]["vanilla"]["mean"]) < 10
    json.dumps(answer, allow_nan=False)


def test_walks_that_are_not_finite_lie_at_the_end_of_the_range():
    far = torch.tensor([[math.inf, -math.inf], [math.nan, 0.5]], dtype=torch.float64)
    whole = np.frombuffer(base64.b64decode(plane.packed(far)), "<i2")
    assert whole.tolist() == [32767, -32767, 32767, 0.5 * plane.SCALE]


@pytest.mark.parametrize("target", targets.BEGINNINGS)
@pytest.mark.parametrize("sampler", walks.SAMPLERS)
def test_without_m_and_swirl_both_panels_walk_alike(target, sampler):
    panels = view(target=target, sampler=sampler, power=0.0, drawing=STROKE)["panels"]
    assert panels["vanilla"]["chains"] == panels["M"]["chains"]


@pytest.mark.parametrize("target", targets.BEGINNINGS)
@pytest.mark.parametrize("sampler", walks.SAMPLERS)
def test_an_answer_stays_below_120_kilobytes(target, sampler):
    answer = view(target=target, sampler=sampler, length=0.01, drawing=STROKE)
    assert len(json.dumps(answer, allow_nan=False)) < 120_000


def test_the_spread_grows_from_a_point_to_the_density():
    law = view(length=0.3)["panels"]["M"]["law"]
    assert law[0] == [0, 0, 0, 0]
    a, b, c, d = law[-1]
    # ULA settles at C / (1 - e/2) for M = C^(1/2), and det C = 1 / kappa.
    assert (a * d - b * c) ** 2 == pytest.approx(1 / 50 / (1 - 0.15) ** 2, rel=1e-3)


def test_mean_and_covariance_of_many_walks_are_those_of_the_exact_recursion():
    """300 walks: five standard errors of the mean are 0.29 standard deviations."""
    settings = walks.require_settings(VALUES)
    move = settings.moves["vanilla"]
    exact = walks.walk(settings, move)
    many = walks.walk(settings._replace(target=FlatMixture()), move)
    assert float((many.mean[60] - exact.mean[60]).abs().max()) < 0.29


class FlatMixture:
    """The ellipse of the question, without the class that makes its moments exact."""

    score = staticmethod(targets.ellipse(50.0).score)


@pytest.mark.parametrize("length", [0.01, 0.036, 0.1])
def test_with_ula_the_same_walks_cross_the_gap_of_two_hills_with_m_as_without(length):
    settings = walks.require_settings(VALUES | {"target": "hills", "length": length})
    vanilla, m = (
        walks.walk(settings, move).chains[-1] @ targets.HILLTOP > 0
        for move in settings.moves.values()
    )
    assert torch.equal(vanilla, m)


def test_half_of_the_two_hills_lies_on_each_and_the_larger_variance_is_one():
    hills = targets.require_target({"target": "hills"})
    assert hills.mean.tolist() == [0, 0]
    assert float(torch.linalg.eigvalsh(hills.covariance)[-1]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "vanilla overshoots the narrow direction and zigzags"),
        ({"length": 0.01}, "vanilla goes straight"),
        ({"length": 0.5}, "beyond its limit of 0.04 and diverges"),
        ({"power": 0.5}, "M of strength 0.5 makes the condition number 7.07"),
        ({"swirl": 2.0}, "Swirl 2 turns the walk by "),
        ({"length": 0.5, "swirl": 5.0}, "With swirl 5 the same step diverges"),
        ({"kappa": 1.0}, "At its best step vanilla needs 1 step;"),
        ({}, "Mean and ellipse are exact."),
        ({"sampler": "MALA"}, "Mean and ellipse are those of 300 walks."),
        ({"sampler": "MALA"}, "of vanilla's steps and 99.7% with M"),
        ({"target": "banana", "length": 0.01}, ": 25 for vanilla, 17 with M (1 for"),
        ({"target": "banana", "length": 0.1}, "of those with M have diverged."),
        ({"target": "hills"}, ": 16 for vanilla, 16 with M (1 for"),
        ({"target": "hills", "sampler": "MALA"}, "none of vanilla's walks and none of those"),
    ],
)
def test_the_caption_says_what_the_walks_do(changes, words):
    assert words in text(**changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target": "ring"}, "target must be one of"),
        ({"sampler": "HMC"}, "sampler must be one of"),
        ({"start": [9, 0]}, "x of start must be a number from -3 to 3, got 9"),
        ({"start": None}, r"start must be a point \[x, y\], got None"),
        ({"target": "drawing"}, "a drawing must have 1 to 80 points, got None"),
        ({"target": "drawing", "drawing": []}, "a drawing must have 1 to 80 points, got 0"),
        ({"target": "drawing", "drawing": [[0, 0]] * 81}, "1 to 80 points, got 81"),
        ({"target": "drawing", "drawing": [[0, math.inf]]}, "y of a drawing's point must be"),
        ({"target": "drawing", "drawing": [[math.nan, 0]]}, "x of a drawing's point must be"),
        ({"sampler": "MALA", "swirl": 1.0}, "swirl must be 0 with MALA, got 1"),
    ],
)
def test_a_bad_value_is_refused_in_one_sentence(changes, words):
    with pytest.raises(ValueError, match=words):
        view(**changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"sampler": "MALA"}, "Without rejections:"),
        ({"target": "hills"}, "mean curvature E[s sᵀ] of this density would have:"),
        ({"target": "hills", "sampler": "MALA"}, "would have, without rejections:"),
    ],
)
def test_directions_are_named_after_what_they_assume(changes, words):
    assumption = view(**changes)["panels"]["M"]["assumption"]
    assert assumption.endswith(words) and bool(assumption) == bool(words)


def test_walks_that_diverge_are_on_no_hill():
    said = text(target="hills", length=2.0)
    assert "have diverged" in said and "far hill" not in said


def test_the_truth_of_the_question_is_the_mean_that_the_walk_then_shows():
    truth = judge([0, 0])["truth"]
    shown = view()["panels"]["vanilla"]["mean"][plane.QUESTION_STEPS]
    assert truth == pytest.approx(shown, abs=1e-4)


def test_a_guess_at_the_truth_is_right_and_one_at_the_start_has_all_the_way_to_go():
    truth = judge([0, 0])["truth"]
    assert "Your guess is 0.00 off" in judge(truth)["text"]["outcome"]
    assert "100% of the distance" in judge([1.33, 1.69])["text"]["outcome"]


@pytest.mark.parametrize("guess", [[4, 0], [0, -3], "middle", [1], [True, 0]])
def test_a_guess_outside_the_picture_is_refused(guess):
    with pytest.raises(ValueError, match="guess must be a"):
        judge(guess)
