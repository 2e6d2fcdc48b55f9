"""The sentences about grain and contrast claim no more than the numbers support."""

import pytest

from pds.appearance import ALIKE, GRAINY, SMOOTH
from pds.evaluation.appearance_record import RecordedSampler
from pds.evaluation.metrics import Interval
from pds.jobs.quality import contrast_margin
from pds.web.sentences import NEAR, grain_begins, measured, verdict

OWN = "the network's own images"
CLEAN = (1.0, 1.0)
PALE = 1 - contrast_margin(16)
"""Contrast below which 16 pictures have lost some."""


def said(
    grain=CLEAN, contrast=CLEAN, *, left="vanilla", right="PDS", same=False, num_images=4, own=OWN
):
    names = (left, right)
    return verdict(grain, contrast, names=names, same=same, num_images=num_images, own=own)


def test_the_grainier_side_is_named_with_the_factor():
    text = said((1.62, 0.98))
    assert text == (
        "Vanilla has 1.7 times the grain of PDS: vanilla 1.6 times, PDS 0.98 times the grain of "
        "the network's own images. Vanilla is grainy, PDS is not."
    )


@pytest.mark.parametrize("factor", [ALIKE - 0.01, 1 / ALIKE + 0.01])
def test_sides_within_the_threshold_are_alike(factor):
    text = said((1.0, factor))
    assert text.startswith("The eye hardly tells their grain apart: vanilla 1.0 times, PDS ")
    assert "is grainy" not in text.removesuffix("Neither is grainy.")


@pytest.mark.parametrize(
    ("factor", "words"),
    [(ALIKE + 0.01, "PDS has 1.3 times the grain of vanilla"),
     (1 / ALIKE - 0.01, "Vanilla has 1.3 times the grain of PDS")],
)  # fmt: skip
def test_sides_beyond_the_threshold_are_not_alike(factor, words):
    assert words in said((1.0, factor))


@pytest.mark.parametrize(
    ("grain", "words"),
    [
        ((GRAINY + 0.01, 1.0), "Vanilla is grainy, PDS is not."),
        ((1.0, GRAINY + 0.01), "PDS is grainy, vanilla is not."),
        ((GRAINY + 2.0, GRAINY + 0.01), "Both are grainy."),
        ((GRAINY - 0.01, GRAINY - 0.01), "Neither is grainy."),
        ((1.0, SMOOTH - 0.01), f"PDS is smoother than {OWN}."),
        ((SMOOTH - 0.01, SMOOTH - 0.2), f"Both are smoother than {OWN}."),
        ((GRAINY + 0.01, SMOOTH - 0.01), f"Vanilla is grainy, PDS is smoother than {OWN}."),
        ((1.0, SMOOTH + 0.01), "Neither is grainy."),
    ],
)
def test_a_side_is_grainy_or_smooth_by_the_threshold(grain, words):
    assert said(grain).endswith(words)
    assert said(grain).count(".") == said(grain, left="Heun", right="tuned").count(".")
    assert ("smoother" in said(grain)) == (min(grain) < SMOOTH)


def test_contrast_that_neither_lost_is_not_mentioned():
    assert "contrast" not in said(contrast=(PALE + 0.01, PALE + 0.01), num_images=16)
    assert "contrast" not in said(contrast=(1.3, 1.3))


@pytest.mark.parametrize(
    ("contrast", "words"),
    [
        ((0.7, 0.66), "both have lost contrast (0.70 for vanilla, 0.66 for PDS), about equally."),
        ((0.5, 0.7), "both have lost contrast (0.50 for vanilla, 0.70 for PDS), PDS less of it."),
        ((0.7, 0.5), "both have lost contrast (0.70 for vanilla, 0.50 for PDS), vanilla less of "),
        (
            (0.7, 0.78),
            "vanilla has lost contrast (0.70 for vanilla, 0.78 for PDS), and PDS has ha",
        ),
        (
            (0.78, 0.7),
            "PDS has lost contrast (0.78 for vanilla, 0.70 for PDS), and vanilla has h",
        ),
        ((0.7, 0.95), "vanilla has lost contrast (0.70 for vanilla, 0.95 for PDS)."),
        ((0.9, 0.7), "PDS has lost contrast (0.90 for vanilla, 0.70 for PDS)."),
        ((1.3, 0.9), "vanilla has more contrast (1.3 for vanilla, 0.90 for PDS)."),
    ],
)
def test_lost_contrast_is_said_of_these_pictures_and_who_lost_less(contrast, words):
    text = said(contrast=contrast, num_images=16)
    assert "In these 16 images " + words in text
    alike = max(contrast) <= ALIKE * min(contrast)
    assert alike == ("about equally" in text or "hardly more" in text)


def test_a_few_pictures_vary_too_much_to_have_lost_a_third_of_their_contrast():
    assert "lost contrast" not in said(contrast=(0.67, 0.67), num_images=4)
    assert "both have lost contrast" in said(contrast=(0.45, 0.45), num_images=4)


def test_one_picture_has_no_contrast_to_speak_of():
    assert "contrast" not in said(contrast=(None, None), num_images=1)


def test_without_filters_nothing_is_compared():
    assert said((3.0, 3.0), same=True) == "The two sides are the same sampler."


def test_a_side_that_diverged_is_named():
    assert said((None, 1.0), (None, 1.0)) == "Vanilla diverged."
    assert said((1.0, None), (1.0, None), right="tuned") == "Tuned diverged."
    assert said((None, None), (None, None)) == "Both samplers diverged."


def test_a_number_is_apart_from_the_n_in_a_name():
    assert said((2.0, 1.0), left="PDS at N = 20", right="PDS at N = 40") == (
        "PDS at N = 20 has 2.0 times the grain of PDS at N = 40: PDS at N = 20 has 2.0 times, PDS "
        "at N = 40 has 1.0 times the grain of the network's own images. PDS at N = 20 is grainy, "
        "PDS at N = 40 is not."
    )


def test_huge_grain_is_not_spelled_out():
    assert "vanilla over 100 times, PDS 1.0 times" in said((5000.0, 1.0))


def test_without_references_there_are_pixel_units_and_no_judgement():
    assert said((0.033, 0.02), (None, None), own="") == (
        "Vanilla has 1.7 times the grain of PDS: vanilla 0.033, PDS 0.02 between black (0) and "
        "white (1)."
    )


def cell(arm, grain, contrast, num_steps=40):
    return RecordedSampler(
        arm, num_steps, 256, Interval(grain, 0.0, 9.0), Interval(contrast, 0.0, 9.0)
    )


PAIR = ("vanilla", "pds:5")
CELLS = (
    cell("ode-heun", 0.96, 0.89),
    cell("vanilla", 1.62, 0.88),
    cell("pds:5", 0.98, 0.86),
    cell("scalar", 1.03, 0.84),
    cell("levels", 9.0, 9.0),
    cell("vanilla", 1.19, 0.96, 66),
    cell("pds:5", 0.97, 0.94, 66),
)


def test_the_measurement_on_many_pictures_is_quoted_arm_by_arm():
    assert measured(CELLS, 40, PAIR) == (
        "Grain and contrast over 256 images at N = 40: vanilla 1.62 and 0.88; PDS (alpha 5) "
        "0.98 and 0.86; a constant gain 1.03 and 0.84; Heun 0.96 and "
        "0.89. A constant gain removes most of the grain that PDS removes."
    )


@pytest.mark.parametrize(("num_steps", "quoted"), [(30, 40), (45, 40), (60, 66), (100, 66)])
def test_the_nearest_recorded_count_is_quoted(num_steps, quoted):
    assert f"at N = {quoted}:" in measured(CELLS, num_steps, PAIR)


def test_nothing_is_quoted_far_away_or_without_a_record():
    assert measured(CELLS, int(66 * NEAR) + 1, PAIR) == ""
    assert measured((), 40, PAIR) == ""


@pytest.mark.parametrize("pair", [("vanilla", "pds:3"), ("tuned", "pds:5"), ("levels", "vanilla")])
def test_nothing_is_quoted_of_a_pair_that_was_not_recorded(pair):
    assert measured(CELLS, 40, pair) == ""


def test_a_longer_step_is_not_mentioned_beside_other_samplers():
    assert measured(CELLS, 40, ("vanilla", "ode-heun")).endswith("Heun 0.96 and 0.89.")


@pytest.mark.parametrize(
    ("scalar", "words"),
    [
        (0.97, "A constant gain removes as much grain as PDS."),
        (1.2, "A constant gain removes most of the grain that PDS removes."),
        (1.5, "A constant gain removes a smaller part of the grain that PDS removes."),
        (1.7, "A constant gain removes none of the grain that PDS removes."),
    ],
)
def test_what_a_longer_step_does_is_said_as_measured(scalar, words):
    cells = [cell("vanilla", 1.62, 1.0), cell("pds:5", 0.98, 1.0), cell("scalar", scalar, 1.0)]
    assert measured(cells, 40, PAIR).endswith(words)


def test_a_longer_step_is_not_mentioned_where_pds_takes_no_grain_away():
    cells = [cell("vanilla", 1.0, 1.0), cell("pds:5", 0.9, 1.0), cell("scalar", 0.9, 1.0)]
    assert "alone" not in measured(cells, 40, PAIR)


def test_the_ladder_says_where_each_sampler_leaves_grain():
    more, less = GRAINY + 0.15, GRAINY - 0.01
    grain = {200: (1, 1, 1), 66: (less, more, 0.9), 40: (more, 1.05, less), 20: (2.3, None, 1)}
    assert grain_begins(grain, ("Vanilla", "PDS", "Tuned"), OWN) == (
        f"Vanilla leaves grain at N = 40 and below: {more:.1f} times that of {OWN} at 40. "
        f"PDS leaves grain at N = 66 and N = 20: {more:.1f} times that of {OWN} at 66. "
        "Tuned leaves no grain at any of these counts."
    )
    assert "at N = 66: 2.0 times" in grain_begins({66: (2.0,)}, ("Vanilla",), OWN)
    assert "at N = 20: it diverged at 20." in grain_begins({20: (None,)}, ("PDS",), OWN)
