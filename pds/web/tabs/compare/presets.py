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
        "Look at cheeks and backgrounds. Vanilla has 2.1 times the grain of the network's own "
        "images, PDS 1.1 times. Both lack a fifth of the contrast, over 64 images.",
    ),
    Preset(
        "gain",
        "Filter or step length?",
        Request("portraits64", 25, left="scalar:1.2", seed=4),
        "Look for a difference. A longer step without a filter leaves 1.7 times the network's own "
        "grain, like PDS (vanilla: 4.2 times). The filter keeps a tenth more contrast, over 64 "
        "images.",
    ),
    Preset(
        "saved",
        "How much is saved?",
        Request("portraits64", 40, left="vanilla@100", seed=4),
        "Grain hardly tells 80 network calls of PDS from 200 of vanilla. Contrast does: over 64 "
        "images PDS has 0.80 times the network's own, vanilla 0.96 times.",
    ),
    Preset(
        "today",
        "What would one use today?",
        Request("portraits64", 25, left="ode-heun", seed=4),
        "With about 50 network calls Heun leaves no grain and full contrast. PDS has 1.7 times the "
        "grain and, over 64 images, 0.61 times the contrast of the network's own.",
    ),
    Preset(
        "guess",
        "Blind test",
        Request("portraits32", 66),
        "Vanilla has almost 1.5 times the grain of PDS. Say which side is vanilla. Then lower the "
        "iterations until it is easy, or raise them until you cannot tell.",
        blind=True,
    ),
)
"""All presets, in the order of the page."""


def setup() -> list[Message]:
    """Return the presets for the script of the page."""
    return [asdict(preset) for preset in PRESETS]
