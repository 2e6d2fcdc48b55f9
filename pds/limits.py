"""The limits on size, count and time, all in one place, and how a refused value is quoted.

Each constant says what is limited and in which unit; docs/operations.md lists them. Whatever comes
from outside is held to them where it enters: `pds.hosting`, the tabs of `pds.web`, and
`pds.web.server.guard` before anything else.
"""

import reprlib

MAX_STEPS = 2000
"""Iterations of a run."""
MAX_IMAGES = 8
"""Images of each chain of a run."""
MAX_ALPHA = 1000.0
"""Alpha of a filter; it must be above 1."""
MAX_SEED = 2**31 - 1
"""Seed of a run."""

MIN_OWN = 5
"""Fewest images that a visitor's own model is made of."""
MAX_OWN = 500
"""Most images that a visitor's own model is made of."""
OWN_SIZES = (32, 64)
"""Sides of these images in pixels; the browser shrinks them before they travel."""
MAX_MODELS = 8
"""Models of own images that are kept for all visitors together; the oldest goes first."""
MODELS_PER_VISIT = 2
"""Models of own images that are kept for one visit."""

MIN_PICTURES = 2
"""Fewest pictures that a program's filter is estimated from; the most are those of a model."""
MAX_PICTURE_CHARACTERS = 8_000_000
"""Characters of one of these pictures in base64."""
MAX_SENT_PIXELS = 40_000_000
"""Pixels that one of these pictures may claim; more would only be shrunk."""
MAX_SENT_PIXELS_TOGETHER = 250_000_000
"""Pixels that all of them may claim: some kilobytes may claim the most that one may."""
SENT_FORMATS = ("PNG", "JPEG", "WEBP")
"""Formats of these pictures."""

MAX_MASK_BYTES = 16_000_000
"""Bytes of a mask file that a visitor opens; 3 channels of 1024 px in float32 take 12.6 million."""
MAX_MASK_ELEMENTS = 3 * 1024 * 1024
"""Numbers in such a mask, whatever its dtype."""
MAX_MASKS = 16
"""Opened masks that are kept for all visitors together; the oldest goes first."""
MASKS_PER_VISIT = 4
"""Opened masks that are kept for one visit."""

PICTURE_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""Formats that `pds filter` reads from a folder; the page decodes pictures in the browser."""
MAX_PICTURE_PIXELS = 80_000_000
"""Pixels that a picture in a folder may claim before it is decoded."""

MAX_BODY_BYTES = 65_536
"""Bytes of the body of a request, but for those that bring pictures or a mask."""
MAX_BROUGHT_BYTES = 22_000_000
"""Bytes of the body of a request that brings pictures or a mask, in base64."""
MAX_BROUGHT_ARRIVING = 16
"""Such requests whose body may be on its way at the same time; further ones are refused."""
MAX_BROUGHT_AT_ONCE = 2
"""Such requests that are worked on at the same time; others wait."""
MAX_BROUGHT_WAITING = 4
"""Runs in the queue that bring pictures, which it holds until their turn; others are refused."""
MAX_QUERY_BYTES = 2048
"""Bytes of the query string of an address."""
MAX_PATH_BYTES = 1024
"""Bytes of the path of an address."""
MAX_JSON_VALUES = 100_000
"""Values in the JSON of a request, counted by the marks that separate them; the numbers of a run's
kept steps are 50,000."""
MAX_JSON_DEPTH = 16
"""Lists and objects within each other in the JSON of a request."""
MAX_NAME = 64
"""Characters of the names that a browser gives to its visit and its runs."""
BODY_SECONDS = 60
"""Seconds in which the body of a request must have arrived."""
MAX_QUOTED = 60
"""Characters of a refused value that are quoted."""
MAX_SENTENCE = 400
"""Characters of a sentence that says what was wrong."""

MAX_RUNS = 64
"""Runs that advance together."""
MAX_WAITING = 64
"""Runs that wait for a place; further ones are refused."""
MAX_THREADS = 128
"""Threads that serve visitors; each run under way holds one."""
MAX_STREAMS = 4
"""Streams of messages that one visit may read at the same time."""
MAX_UNREAD = 16
"""Messages of a run that may wait for their reader; the run waits with them."""
UNREAD_SECONDS = 20
"""Seconds that a run waits for its reader before it ends."""
MAX_STATES = 100
"""Visits of which gradio remembers the last message."""
MAX_VISITS = 2000
"""Visits that are remembered at the same time; the one that was idle longest goes first."""
LEFT_SECONDS = 10
"""Seconds after its tab closed that a visit's things are dropped; a lost connection may return."""
IDLE_SECONDS = 3600
"""Seconds without a request after which a visit's things are dropped, its tab open or not."""
SWEEP_SECONDS = 2
"""Seconds between two looks for what is to be dropped."""
TRIM_SECONDS = 20
"""Seconds between two returns of freed memory to the system, while nothing is computed."""

_quoter = reprlib.Repr()
_quoter.maxstring = _quoter.maxother = _quoter.maxlong = MAX_QUOTED
_quoter.maxlevel, _quoter.maxdict, _quoter.maxlist, _quoter.maxtuple = 2, 3, 3, 3


def quoted(value: object) -> str:
    """Return a short `repr`, whatever the size of the value."""
    text = _quoter.repr(value)
    return text if len(text) <= MAX_QUOTED else f"{text[: MAX_QUOTED - 3]}..."


def sentence(error: BaseException) -> str:
    """Return what an error says as one line of bounded length that any encoder can write."""
    text = " ".join(str(error).split()).encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= MAX_SENTENCE else f"{text[: MAX_SENTENCE - 3]}..."
