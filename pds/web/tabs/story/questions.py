"""The question that each step of the story asks before it shows its answer.

A question has its own settings, whatever the controls of the step show. The true answer is computed
when a guess arrives.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from pds.limits import require_choice
from pds.web.sentences import number, ratio, share
from pds.web.server.messages import Message
from pds.web.tabs.story.targets import require_point
from pds.web.tabs.story.values import require_number

NEAR = 1.1
"""A guess within this factor is right."""


class Truth(NamedTuple):
    """The true answer, and a sentence with its numbers."""

    value: Any
    fact: str


@dataclass(frozen=True)
class Choice:
    """A multiple-choice question.

    options: names of the answers.
    truth: returns the true answer for the images of a model.
    """

    options: tuple[str, ...]
    truth: Callable[[str], Truth]

    def judge(self, guess: object, model: str) -> Message:
        require_choice("the guess", guess, self.options)
        value, fact = self.truth(model)
        return _outcome(value, f"{'Right' if guess == value else 'Not quite'}. {fact}")


@dataclass(frozen=True)
class Amount:
    """A question about a positive number.

    low, high: range of the guess.
    truth: returns the true answer for the images of a model.
    """

    low: float
    high: float
    truth: Callable[[str], Truth]

    def judge(self, guess: object, model: str) -> Message:
        guessed = require_number({"the guess": guess}, "the guess", self.low, self.high)
        value, fact = self.truth(model)
        over = guessed / value
        if max(over, 1 / over) <= NEAR:
            verdict = "is right to within 10%"
        else:
            verdict = f"is {ratio(max(over, 1 / over))} too {'large' if over > 1 else 'small'}"
        return _outcome(value, f"{fact} Your guess of {number(guessed)} {verdict}.")


@dataclass(frozen=True)
class Place:
    """A question about a point of the plane.

    truth: returns the true point, the same for every model.
    start: of the walk; errors are relative to the distance from it.
    """

    truth: Callable[[str], Truth]
    start: tuple[float, float]

    def judge(self, guess: object, model: str) -> Message:
        x, y = require_point(guess, "the guess")
        value, fact = self.truth(model)
        off, walked = math.dist((x, y), value), math.dist(self.start, value)
        distance = f"{off:.2f} off, {share(off / walked)} of the distance that the mean has moved"
        return _outcome(value, f"{fact} Your guess is {distance}.")


Question = Choice | Amount | Place


def pass_over(question: Question, model: str) -> Message:
    """Return the true answer as `judge` does, without a guess."""
    return _outcome(*question.truth(model))


def _outcome(truth: Any, text: str) -> Message:
    return {"truth": truth, "text": {"outcome": text}}
