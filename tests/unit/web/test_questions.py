"""The questions of the story: the true answers, and the sentences about a guess."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from pds.evaluation import gaussian, grain_record
from pds.evaluation.gaussian import field
from pds.web.tabs.story import tab as story_tab
from pds.web.tabs.story.questions import Amount, Choice, Place, Truth
from pds.web.tabs.story.truths import QUESTIONS

CHOICES = [name for name, question in QUESTIONS.items() if isinstance(question, Choice)]
AMOUNTS = [name for name, question in QUESTIONS.items() if isinstance(question, Amount)]
FOLDER = Path(story_tab.__file__).parent


def judged(step, guess, model="field64"):
    return story_tab.judge({"step": step, "model": model, "guess": guess})


def outcome(step, guess, model="field64"):
    return judged(step, guess, model)["text"]["outcome"]


def inputs(step):
    """The inputs of a step's question as the page has them, by attribute."""
    text = (FOLDER / f"{step}.html").read_text(encoding="utf-8")
    tags = re.findall(r'<input[^>]*name="guess"[^>]*>', text)
    return [dict(re.findall(r'([\w-]+)="([^"]*)"', tag)) for tag in tags]


def test_every_step_asks_a_question():
    assert QUESTIONS.keys() == story_tab.STEPS.keys()


@pytest.mark.parametrize("step", CHOICES)
def test_the_page_offers_the_answers_of_a_choice(step):
    assert [given["value"] for given in inputs(step)] == list(QUESTIONS[step].options)


@pytest.mark.parametrize("step", AMOUNTS)
def test_the_page_offers_the_range_of_an_amount(step):
    (dial,) = inputs(step)
    question = QUESTIONS[step]
    assert (float(dial["min"]), float(dial["max"])) == (question.low, question.high)


@pytest.mark.parametrize("model", story_tab.FIELDS)
@pytest.mark.parametrize("step", QUESTIONS)
def test_what_is_true_can_be_guessed(step, model):
    truth = QUESTIONS[step].truth(model)
    answer = judged(step, truth.value, model)
    assert answer["truth"] == truth.value
    assert answer["text"]["outcome"].endswith(".")
    assert truth.fact in answer["text"]["outcome"]


@pytest.mark.parametrize("step", CHOICES)
def test_only_one_answer_of_a_choice_is_right(step):
    said = [outcome(step, option).split(".")[0] for option in QUESTIONS[step].options]
    assert sorted(said) == ["Not quite"] * (len(said) - 1) + ["Right"]


AMOUNT = Amount(1, 1000, lambda model: Truth(40.0, "It is 40."))


@pytest.mark.parametrize(
    ("guess", "said"),
    [
        (40, "It is 40. Your guess of 40 is right to within 10%."),
        (43, "It is 40. Your guess of 43 is right to within 10%."),
        (100, "It is 40. Your guess of 100 is 2.5 times too large."),
        (4, "It is 40. Your guess of 4 is 10 times too small."),
    ],
)
def test_an_amount_says_how_far_off_it_is(guess, said):
    assert AMOUNT.judge(guess, "field64")["text"]["outcome"] == said


def test_a_place_says_how_far_off_it_is_and_how_far_the_mean_has_moved():
    place = Place(lambda model: Truth([1.0, -1.0], "It is there."), start=(1.0, 1.5))
    off = math.hypot(3, 2)
    assert place.judge([-2, 1], "field64")["text"]["outcome"] == (
        f"It is there. Your guess is {off:.2f} off, {100 * off / 2.5:.0f}% of the distance that "
        "the mean has moved."
    )


@pytest.mark.parametrize("step", QUESTIONS)
def test_a_reader_who_passes_gets_the_true_answer_alone(step):
    truth = QUESTIONS[step].truth("field64")
    assert judged(step, None) == {"truth": truth.value, "text": {"outcome": truth.fact}}


@pytest.mark.parametrize("step", ["octaves", "lag", "controls", "map"])
def test_what_depends_on_the_images_names_them(step):
    facts = [QUESTIONS[step].truth(model).fact for model in story_tab.FIELDS]
    assert ["portraits" in facts[0], "clouds" in facts[1]] == [True, True]


@pytest.mark.parametrize(
    ("step", "guess", "words"),
    [
        ("clocks", 1349, "the guess must be a number from 0.01 to 1348, got 1349"),
        ("clocks", math.nan, "the guess must be a number from 0.01 to 1348, got nan"),
        ("clocks", True, "the guess must be a number"),
        ("lag", "middle", "the guess must be one of coarse, fine, alike, got 'middle'"),
        ("lag", ["fine"], "the guess must be one of"),
        ("plane", [9, 0], "x of the guess must be a number from -3 to 3, got 9"),
        ("plane", [0], r"the guess must be a point \[x, y\], got \[0\]"),
        ("plane", "here", r"the guess must be a point \[x, y\], got 'here'"),
    ],
)
def test_a_guess_outside_the_question_is_refused_in_one_sentence(step, guess, words):
    with pytest.raises(ValueError, match=words):
        judged(step, guess)


def test_a_step_without_a_question_is_refused():
    with pytest.raises(ValueError, match="step must be one of plane"):
        judged("end", 1)


def test_a_frequency_s_excess_at_the_end_is_that_of_the_exact_run():
    """All rings there, and here only those of the chart, with step sizes from bins."""
    _, std = gaussian.frequency_states(field("field64"), None, 25)
    excess = std[-1] / np.sqrt(field("field64").rings.power)
    coarse, fine = (excess[gaussian.ring(field("field64"), gaussian.RADII[i])] for i in (0, -1))
    said = outcome("lag", "fine")
    assert f"end with {coarse:.2f} times" in said
    assert f"the finest with {fine:.2f} times" in said


@pytest.mark.parametrize("model", story_tab.FIELDS)
def test_pds_is_closer_up_to_the_n_of_the_answer(model):
    crossing = QUESTIONS["map"].truth(model).value
    curves = gaussian.errors(field(model), 5.0).curves
    at = np.searchsorted(gaussian.COUNTS, crossing)
    assert curves["PDS"][at - 1] < curves["vanilla"][at - 1]
    assert (curves["PDS"][at:] > curves["vanilla"][at:]).all()


def test_half_of_a_run_leaves_the_geometric_mean_of_its_noise():
    """32 levels from 1,348 down to 0.01: after 16 iterations the 17th level is the next."""
    expected = 1348 * (0.01 / 1348) ** (16 / 31)
    assert QUESTIONS["clocks"].truth("field64").value == pytest.approx(expected, rel=0.01)


def test_vanilla_at_the_n_of_the_answer_has_the_grain_of_pds():
    curves = grain_record.read_points()["portraits64"]
    needed = QUESTIONS["grain"].truth("field64").value
    (pds,) = [point.sampled for point in curves["pds:5"] if point.num_steps == 25]
    smoother = [point.num_steps for point in curves["vanilla"] if point.sampled < pds]
    assert smoother == [p.num_steps for p in curves["vanilla"] if p.num_steps > needed]
