"""The row "Continue from this iteration": checks a branch before it is sampled."""

from collections.abc import Mapping
from typing import Any

from pds.models import load_model
from pds.web.server.messages import Message
from pds.web.tabs.compare.live_comparison import parse


def view(values: Mapping[str, Any]) -> Message:
    """Return an empty message if a request can be sampled, so that the page may leave its run.

    Raises:
        ValueError: if it cannot, as for an iteration that its sampler does not have.
    """
    request = parse(values)
    load_model(request.model).plans(request)
    return {}
