"""`pds app`, and `python app.py`: serve the page, and its endpoints as MCP tools on demand."""

import argparse
import contextlib
import importlib.util
from typing import Any

with contextlib.suppress(ModuleNotFoundError):
    import spaces  # noqa: F401  on ZeroGPU, which patches torch before its first import

from pds.web.layout import build, options
from pds.web.server import journal
from pds.web.tabs.compare import live_comparison


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.add_argument("--mcp", action="store_true", help="serve its endpoints as MCP tools too")


def run(arguments: argparse.Namespace) -> None:
    """Build the page and serve it until Ctrl-C."""
    serve(build(), mcp=arguments.mcp)


def serve(page: Any, *, mcp: bool = False) -> None:
    """Serve a built page until Ctrl-C.

    Args:
        page: a `gradio.Blocks`.
        mcp: whether its endpoints are MCP tools too.

    Raises:
        ValueError: if MCP is asked for and its package is missing, or the environment names devices
            that are not there.
    """
    if mcp and importlib.util.find_spec("mcp") is None:
        raise ValueError('--mcp needs a package more: pip install "gradio[mcp]"')
    journal.start()
    live_comparison.warm_up()
    # None leaves it to the environment variable GRADIO_MCP_SERVER.
    page.launch(mcp_server=mcp or None, **options())
