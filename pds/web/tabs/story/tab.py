"""The tab "Why few steps fail": its steps, their questions, and their files."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pds.evaluation import gaussian
from pds.evaluation.gaussian import Field
from pds.limits import require_choice
from pds.web.server.messages import Message
from pds.web.tab import Tab
from pds.web.tabs.story import figures, frequencies, network, plane
from pds.web.tabs.story.questions import pass_over
from pds.web.tabs.story.truths import QUESTIONS

FIELDS = ("portraits128", "field64")
"""Models whose spectra the steps can use."""

STEPS: dict[str, Callable[[Field, Mapping[str, Any]], Message]] = {
    "plane": plane.plane_view,
    "octaves": frequencies.octaves_view,
    "lag": frequencies.lag_view,
    "controls": frequencies.controls_view,
    "map": frequencies.map_view,
    "clocks": frequencies.clocks_view,
    "belief": network.belief_view,
    "grain": network.grain_view,
}
"""Steps by their names in links, in the order of the page."""


def setup() -> Message:
    """Return the values that the script needs before its first request."""
    fields = [{"name": name, "title": gaussian.field(name).title} for name in FIELDS]
    stops = {
        "num_steps": gaussian.COUNTS,
        "alpha": gaussian.ALPHAS,
        "radius": gaussian.RADII,
        "iteration": frequencies.ITERATIONS,
        "total": frequencies.ITERATIONS[1:],
    }
    return {
        "layouts": figures.layouts(), "fields": fields, "stops": stops, "plane": plane.setup(),
    }  # fmt: skip


def view(values: Mapping[str, Any]) -> Message:
    """Answer one step of the story.

    Args:
        values: step, a key of `STEPS`; model, one of `FIELDS`; and that step's controls.

    Raises:
        ValueError: for a value out of range.
    """
    step, model = _step(values, STEPS)
    return STEPS[step](gaussian.field(model), values)


def judge(values: Mapping[str, Any]) -> Message:
    """Return the true answer to the question of a step, and how close a guess is.

    Args:
        values: step and model as for `view`; guess, as the question has it, or None
            to pass it over.

    Returns:
        truth, in the form of the guess, and a sentence as text.outcome.

    Raises:
        ValueError: for a guess that is none of the answers, or out of range.
    """
    step, model = _step(values, QUESTIONS)
    question, guess = QUESTIONS[step], values.get("guess")
    return pass_over(question, model) if guess is None else question.judge(guess, model)


def _step(values: Mapping[str, Any], steps: Iterable[str]) -> tuple[str, str]:
    step = require_choice("step", values.get("step"), steps)
    return step, require_choice("model", values.get("model"), FIELDS)


TAB = Tab(
    name="story",
    title="Why few steps fail",
    folder=Path(__file__).parent,
    html="story.html",
    parts=(*(f"{name}.html" for name in STEPS), "end.html", "glossary.html", "ask.html"),
    styles=("story.css", "plane.css", "octaves.css", "way.css", "print.css"),
    script="story.js",
    setup=setup,
    views={"story_view": view, "story_guess": judge},
)
