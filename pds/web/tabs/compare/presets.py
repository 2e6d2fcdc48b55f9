"""Presets: comparisons worth a class's time, each with what to look at.

A sentence speaks of every seed. What it says of grain is seen in four pictures of nearly any seed;
contrast varies too much from seed to seed for that, so it is quoted from the recorded measurement
of many. tests/documents/test_claims.py asserts every number.
"""

from dataclasses import asdict, dataclass

from pds.request import Request
from pds.web.server.messages import Message


@dataclass(frozen=True)
class Preset:
    """A comparison with what to look at.

    Args:
        name: in a link, `?preset=NAME`.
        title: on the page.
        request: what it samples.
        sentence: what to look at.
        blind: whether the visitor guesses the sides.
    """

    name: str
    title: str
    request: Request
    sentence: str
    blind: bool = False


PRESETS = (
    Preset(
        "few",
        "Few iterations",
        Request("portraits64", 40, seed=4),
        "Look at cheeks and backgrounds: vanilla has 2.1 times the grain of the network's own "
        "pictures, PDS 1.1 times; both lack a fifth of its contrast, in 64 pictures.",
    ),
    Preset(
        "gain",
        "Filter or step length?",
        Request("portraits64", 25, left="scalar:1.2", seed=4),
        "Look for a difference: a longer step without a filter leaves 1.7 times the network's own "
        "grain, as PDS does (vanilla 4.2 times); the filter keeps a tenth more contrast, in 64 "
        "pictures.",
    ),
    Preset(
        "saved",
        "How much is saved?",
        Request("portraits64", 40, left="vanilla@100", seed=4),
        "By their grain you hardly tell 80 network calls of PDS from 200 of vanilla; contrast is "
        "not saved: in 64 pictures PDS has 0.80 times the network's own, vanilla 0.96 times.",
    ),
    Preset(
        "today",
        "What would one use today?",
        Request("portraits64", 25, left="ode-heun", seed=4),
        "For about 50 network calls Heun leaves neither grain nor paleness, PDS 1.7 times the "
        "grain and, in 64 pictures, 0.61 times the contrast of the network's own.",
    ),
    Preset(
        "guess",
        "Your own guess",
        Request("portraits32", 66),
        "Vanilla has almost 1.5 times the grain of PDS: say which side it is, then lower the "
        "iterations until it is easy, or raise them until you cannot.",
        blind=True,
    ),
)
"""All presets, in the order of the page."""


def setup() -> list[Message]:
    """Return the presets for the script of the page."""
    return [asdict(preset) for preset in PRESETS]
