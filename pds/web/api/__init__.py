"""The functions that programs call by name: typed parameters in, plain values out.

They are also the tools of the page's MCP server, where it is switched on. Errors have the sentences
that the page shows.
"""

from collections.abc import Callable
from typing import Any

from pds.web.api.comparison import compare, iteration, theory
from pds.web.api.filters import filter_from_images
from pds.web.api.sheets import ladder, sheet

ENDPOINTS: tuple[Callable[..., Any], ...] = (
    compare,
    iteration,
    sheet,
    ladder,
    filter_from_images,
    theory,
)
"""All of them, by the names of the functions."""
