"""Calls of the views and runs of tabs.

The values of a visit are restricted to its own models and masks, and an error becomes one sentence.
A run is written to the journal and advances no faster than it is read.
"""

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from typing import Any

from pds.limits import MAX_UNREAD, UNREAD_SECONDS, error_message
from pds.web.server import visits
from pds.web.server.gradio_internals import unread_messages, visit_of
from pds.web.server.journal import JOURNAL
from pds.web.server.messages import Message

POLL_SECONDS = 0.02
"""Interval at which a run that waits for its reader counts the unread messages."""


class HostRefusal(ValueError):
    """The host refused or withdrew the GPU of a run; the message is the host's."""


View = Callable[[Mapping[str, Any]], Message | str]
"""Maps named values to a message, or to text, for the page."""
Messages = Callable[[Mapping[str, Any]], Generator[Message, None, None]]
"""Maps named values to the messages of a run."""


def answer(view: View, values: object, request: Any = None) -> Message | str:
    """Return a view of a visit's values, or `error` with one sentence.

    Args:
        view: of a tab.
        values: as received.
        request: gradio's, which has the name of the visit.
    """
    try:
        return view(visits.restrict(_named(values), visit_of(request)))
    except (ValueError, TypeError, OSError) as error:
        return {"error": error_message(error)}


def run(
    kind: str,
    values: object,
    messages: Messages,
    request: Any = None,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Message]:
    """Yield the messages of a run; close the iterator to cancel it.

    Args:
        kind: name of the run in the journal.
        values: as received.
        messages: starts the run.
        request: gradio's, which has the name of the visit.
        sleep: waits for a number of seconds.

    Yields:
        The messages; an error in the values is the last message, of kind "error".

    Raises:
        TimeoutError: if no message was read for `UNREAD_SECONDS`.
    """
    unread = unread_messages(request)
    refusal: Message | None = None
    with JOURNAL.entry(kind, values) as entry:
        try:
            own = visits.restrict(_named(values), visit_of(request))
            with closing(messages(own)) as steps:
                for message in steps:
                    entry.add(message)
                    yield message
                    _wait_for_reader(unread, sleep)
        except TimeoutError:
            raise
        except (ValueError, TypeError, OSError) as error:
            refusal = {"kind": "error", "sentence": error_message(error)}
            entry.add(refusal)
    if refusal:
        yield refusal


def _named(values: object) -> Mapping[str, Any]:
    if not isinstance(values, dict):
        raise TypeError(f"named values were expected, got a {type(values).__name__}")
    return values


def _wait_for_reader(unread: Callable[[], int], sleep: Callable[[float], None]) -> None:
    """Return when at most `MAX_UNREAD` messages wait to be read.

    Raises:
        TimeoutError: if none was read for `UNREAD_SECONDS`.
    """
    deadline, least = time.monotonic() + UNREAD_SECONDS, unread()
    while unread() > MAX_UNREAD:
        if unread() < least:
            deadline, least = time.monotonic() + UNREAD_SECONDS, unread()
        if time.monotonic() > deadline:
            raise TimeoutError(f"no message of the run was read for {UNREAD_SECONDS} s")
        sleep(POLL_SECONDS)
