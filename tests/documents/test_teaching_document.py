"""docs/teaching.md: its links open the described steps, and its numbers are those of the page."""

import re
from urllib.parse import parse_qs

import pytest

from pds.evaluation import gaussian
from pds.evaluation.gaussian import field
from pds.jobs import request_text
from pds.web.layout import TABS
from pds.web.tabs.compare.presets import PRESETS
from pds.web.tabs.story.tab import FIELDS, STEPS
from pds.web.tabs.story.truths import QUESTIONS
from tools.browser import ROOT

TEXT = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
PAGE = "http://127.0.0.1:7860"
LINKS = sorted(set(re.findall(rf"\]\({PAGE}/\?([^)]*)\)", TEXT)))
COMPARISONS = [link for link in LINKS if "tab=compare" in link]
NUMBER = re.compile(r"\d[\d.,]*\d|\d")


def section(name):
    """What the document says between the last link to a step and the next heading."""
    begin = TEXT.rindex(f"Open [step {[*STEPS].index(name) + 1}]({PAGE}/?tab=story&step={name})")
    return re.split(r"\n#|\nOpen ", TEXT[begin:])[0]


def test_every_step_is_linked():
    steps = [parse_qs(link)["step"][0] for link in LINKS if "tab=story" in link]
    assert sorted(steps) == sorted(STEPS)


def test_every_link_names_a_tab():
    assert {parse_qs(link)["tab"][0] for link in LINKS} <= {tab.name for tab in TABS}


@pytest.mark.parametrize("link", COMPARISONS)
def test_every_comparison_is_one_that_the_page_proposes_too(link):
    request, given, sentence = request_text.from_query(link)
    assert (given, sentence) == (True, "")
    assert request.num_images == 4
    proposed = [(p.request.model, p.request.num_steps, p.request.left) for p in PRESETS]
    assert (request.model, request.num_steps, request.left) in proposed


@pytest.mark.parametrize("step", QUESTIONS)
def test_what_the_class_will_see_is_what_is_true(step):
    fact = QUESTIONS[step].truth(FIELDS[0]).fact
    numbers = set(NUMBER.findall(section(step)))
    assert set(NUMBER.findall(fact)) <= numbers


@pytest.mark.parametrize("alpha", [5, 10])
def test_the_border_of_the_first_exercise_is_that_of_the_map(alpha):
    crossing = gaussian.errors(field("field64"), float(alpha)).crossings[0]
    assert f"N = {crossing:.0f} with alpha = {alpha}" in TEXT


def test_the_noise_level_of_the_second_exercise_is_that_of_the_step():
    sigma = gaussian.clocks(field("field64"), 66, 33).sigmas[0][32]
    assert f"The page says {sigma:.2f}: iteration 33 of 66" in TEXT
    assert f"which is {(1348 * 0.01) ** 0.5:.1f}." in TEXT


def test_the_grain_of_the_third_exercise_is_that_of_its_preset():
    (gain,) = [preset for preset in PRESETS if preset.name == "gain"]
    assert "1.7 times" in gain.sentence and "4.2 times" in gain.sentence
    assert "both leave 1.7 times the network's own grain, and vanilla leaves 4.2 times" in TEXT


def test_the_readme_leads_to_the_lesson():
    assert "docs/teaching.md" in (ROOT / "README.md").read_text(encoding="utf-8")
