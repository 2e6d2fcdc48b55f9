"""`pds app`, and `python app.py`: serve the page, and its endpoints as MCP tools on demand."""

import argparse
import contextlib
import importlib.util
import os
import sys
from io import TextIOWrapper

with contextlib.suppress(ModuleNotFoundError):
    import spaces  # noqa: F401  on ZeroGPU, which patches torch before its first import

from pds.web.server import listening


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.description = (
        "Serves the page until Ctrl-C, by default on http://127.0.0.1:7860. The environment "
        "variables GRADIO_SERVER_NAME and GRADIO_SERVER_PORT set another address, PDS_DEVICES the "
        "devices that sample, such as cuda:0,cuda:1."
    )
    parser.add_argument(
        "--mcp",
        action="store_true",
        help="serve the endpoints as tools for language models (MCP) too; needs gradio[mcp]",
    )


def run(arguments: argparse.Namespace) -> None:
    """Build the page and serve it until Ctrl-C.

    Raises:
        ValueError: if MCP is requested and its package is missing, or the environment names an
            address or devices that do not exist.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # gradio prints emoji, Windows may have cp1252
    mcp = arguments.mcp or os.environ.get("GRADIO_MCP_SERVER", "").lower() == "true"
    if mcp and importlib.util.find_spec("mcp") is None:
        raise ValueError('--mcp needs another package: pip install "gradio[mcp]"')
    where = listening.address()
    # gradio reads the environment, too, when it is imported.
    from pds.web.layout import build, options
    from pds.web.server import journal, zerogpu
    from pds.web.tabs.compare import live_comparison

    zerogpu.prepare()
    page, settings = build(), options()
    journal.start()
    live_comparison.warm_up()
    page.launch(server_name=where.name, server_port=where.port, mcp_server=mcp, **settings)
