"""Limits on size, count and time, checks of common values, and quotes of refused ones.

Each constant states its unit; docs/operations.md lists them. Values from outside are checked where
they enter: in `pds.jobs.hosting`, in the tabs of `pds.web`, and first in `pds.web.server.guard`.
"""

import math
import reprlib
from collections.abc import Iterable
from numbers import Real
from typing import TypeGuard

MAX_STEPS = 2000
"""Iterations of a run."""
MAX_IMAGES = 8
"""Images of each chain of a run."""
MAX_ALPHA = 1000.0
"""Alpha of a filter; it must be above 1."""
MAX_SEED = 2**31 - 1
"""Seed of a run."""
MAX_SNR = 10.0
"""snr of a run's corrector; it must be above 0."""
MAX_CORRECTOR_STEPS = 8
"""Corrector steps of an iteration; 0 is no corrector."""

MAX_SHEET_ROWS = 6
"""Samplers of a sheet."""
MAX_SHEET_COLUMNS = 12
"""Numbers of iterations of a sheet."""
MAX_SHEET_IMAGES = 4
"""Images of each cell of a sheet."""
MAX_SHEET_ITERATIONS = 144_000
"""Iterations of all images of a sheet together: three samplers with two images each at the most
columns of the most steps."""

MIN_OWN = 5
"""Smallest number of images for a visitor's own model."""
MAX_OWN = 500
"""Largest number of images for a visitor's own model."""
OWN_SIZES = (32, 64)
"""Height and width of these images in pixels."""
MAX_MODELS = 8
"""Visitors' own models in memory, of all visits; the oldest is dropped first."""
MODELS_PER_VISIT = 2
"""Own models in memory of one visit."""

MIN_PICTURES = 2
"""Smallest number of images for a filter that a program requests; the largest is `MAX_OWN`."""
MAX_PICTURE_CHARACTERS = 8_000_000
"""Characters of one of these images in base64."""
MAX_SENT_PIXELS = 40_000_000
"""Pixels that the header of an image from a browser or a program may claim; 16-bit colors count
twice."""
MAX_SENT_PIXELS_TOGETHER = 250_000_000
"""Pixels that the headers of all images of a request may claim; a few kilobytes can claim the
most of one."""

MAX_MASK_BYTES = 16_000_000
"""Bytes of an uploaded mask; 3 channels of 1024 px in float32 take 12.6 million."""
MAX_MASK_ELEMENTS = 3 * 1024 * 1024
"""Elements of an uploaded mask of any dtype."""
MAX_MASKS = 16
"""Uploaded masks in memory, of all visits; the oldest is dropped first."""
MASKS_PER_VISIT = 4
"""Uploaded masks in memory of one visit."""

MAX_PICTURE_PIXELS = 80_000_000
"""Pixels that the header of an image in a folder or an archive may claim."""
MAX_PICTURE_BYTES = 1_000_000_000
"""Bytes of such an image, unpacked."""

MAX_BODY_BYTES = 65_536
"""Bytes of the body of a request without images or a mask."""
MAX_BROUGHT_BYTES = 22_000_000
"""Bytes of the body of a request with images or a mask, in base64."""
MAX_BROUGHT_ARRIVING = 16
"""Requests with images or a mask that are received at the same time; others are refused."""
MAX_BROUGHT_AT_ONCE = 2
"""Requests with images or a mask that are processed at the same time; others wait."""
MAX_BROUGHT_WAITING = 4
"""Runs with images in the queue, which keeps the images in memory; others are refused."""
MAX_QUERY_BYTES = 2048
"""Bytes of the query string of a URL."""
MAX_PATH_BYTES = 1024
"""Bytes of the path of a URL."""
MAX_PREFIX = 200
"""Characters of the path under which the page is served."""
MAX_JSON_VALUES = 100_000
"""Values in the JSON of a request, counted by separators; the numbers of all kept steps of a run
are about 50,000."""
MAX_JSON_DEPTH = 16
"""Depth of nested lists and objects in the JSON of a request."""
MAX_NAME = 64
"""Characters of the names that a browser gives to its visit and its runs."""
BODY_SECONDS = 60
"""Seconds within which the body of a request must arrive."""
MAX_QUOTED = 60
"""Characters of a refused value that an error message quotes."""
MAX_SENTENCE = 400
"""Characters of an error message."""

MAX_RUNS = 64
"""Runs that advance together."""
MAX_WAITING = 64
"""Runs that wait for a place; others are refused."""
MAX_THREADS = 128
"""Threads that serve visitors; each active run occupies one."""
MAX_STREAMS = 4
"""Streams of messages that one visit reads at the same time."""
MAX_UNREAD = 16
"""Unread messages of a run; with more, the run pauses."""
UNREAD_SECONDS = 20
"""Seconds that a run pauses for its reader before it ends."""
MAX_STATES = 100
"""Visits whose last message gradio remembers."""
MAX_VISITS = 2000
"""Visits that are remembered; the one that was idle longest is dropped first."""
LEFT_SECONDS = 10
"""Seconds from a closed tab to the removal of the visit's data; a lost connection may return."""
IDLE_SECONDS = 3600
"""Seconds without a request after which a visit's data are removed, even with an open tab."""
SWEEP_SECONDS = 2
"""Seconds between two checks for data to remove."""
TRIM_SECONDS = 20
"""Seconds between two returns of freed memory to the system, while nothing is computed."""

_quoter = reprlib.Repr()
_quoter.maxstring = _quoter.maxother = _quoter.maxlong = MAX_QUOTED
_quoter.maxlevel, _quoter.maxdict, _quoter.maxlist, _quoter.maxtuple = 2, 3, 3, 3


def quoted(value: object) -> str:
    """Return the `repr` of a value, shortened to `MAX_QUOTED` characters."""
    text = _quoter.repr(value)
    return text if len(text) <= MAX_QUOTED else f"{text[: MAX_QUOTED - 3]}..."


def printable(text: str) -> str:
    """Return a text with control characters escaped, which a terminal would act on."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def one_line(message: object) -> str:
    """Return a message as one printable line."""
    return printable(" ".join(str(message).split()))


def error_message(error: BaseException) -> str:
    """Return the message of an error as one printable line, at most `MAX_SENTENCE` long."""
    text = one_line(error)
    return text if len(text) <= MAX_SENTENCE else f"{text[: MAX_SENTENCE - 3]}..."


def require_alpha(alpha: object, *, most: float = math.inf) -> float:
    """Return the strength of a filter, > 1.

    Args:
        alpha: the value to check.
        most: largest alpha allowed; `limits.MAX_ALPHA` on the page.

    Raises:
        ValueError: unless alpha is a finite number above 1 and at most `most`.
    """
    if not (_is_number(alpha) and 1 < alpha <= most and alpha < math.inf):
        bound = "" if most == math.inf else f" and <= {most:g}"
        raise ValueError(
            f"alpha must be > 1{bound}, got {quoted(alpha)}; a larger alpha is a weaker filter, "
            "the paper uses 5"
        )
    return float(alpha)


def require_snr(snr: object, *, most: float = math.inf) -> float:
    """Return the signal-to-noise ratio of a corrector, > 0.

    Args:
        snr: the value to check.
        most: largest snr allowed; `limits.MAX_SNR` on the page.

    Raises:
        ValueError: unless snr is a finite number above 0 and at most `most`.
    """
    if not (_is_number(snr) and 0 < snr <= most and snr < math.inf):
        bound = "" if most == math.inf else f" and <= {most:g}"
        raise ValueError(f"snr must be > 0{bound}, got {quoted(snr)}; the paper uses 0.075 to 0.16")
    return float(snr)


def require_positive(name: str, value: object) -> float:
    """Return a number above 0.

    Args:
        name: of the value in the error message.
        value: the value to check.

    Raises:
        ValueError: unless value is a finite number above 0.
    """
    if not (_is_number(value) and 0 < value < math.inf):
        raise ValueError(f"{name} must be > 0 and finite, got {quoted(value)}")
    return float(value)


def require_whole(
    name: str, value: object, low: int, high: float = math.inf, *, advice: str = ""
) -> int:
    """Return a whole number in a range; 5.0 counts as one.

    Args:
        name: of the value in the error message.
        value: the value to check.
        low, high: the range, both ends included.
        advice: end of the error message, such as a value that works well.

    Raises:
        ValueError: unless value is a whole number in the range.
    """
    if _is_number(value) and low <= value <= high and value < math.inf:
        whole = int(value)
        if whole == value:
            return whole
    bounds = f">= {low}" if high == math.inf else f"from {low} to {high}"
    end = f"; {advice}" if advice else ""
    raise ValueError(f"{name} must be a whole number {bounds}, got {quoted(value)}{end}")


def require_choice(name: str, value: object, choices: Iterable[str]) -> str:
    """Return one of some texts.

    Args:
        name: of the value in the error message.
        value: the value to check.
        choices: what it may be.

    Raises:
        ValueError: unless value is one of them.
    """
    choices = tuple(choices)
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {quoted(value)}")
    return value


def _is_number(value: object) -> TypeGuard[float]:
    """Return whether a value is a real number of Python or numpy; True and False are not."""
    return isinstance(value, Real) and not isinstance(value, bool)
