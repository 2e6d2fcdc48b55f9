"""Launch the demo: python app.py, then open the address that it prints; --mcp serves tools too."""

import argparse
import contextlib
import importlib.util
import sys

with contextlib.suppress(ModuleNotFoundError):
    import spaces  # noqa: F401  on ZeroGPU, which patches torch before its first import

from pds.serving import memory
from pds.web.layout import build, options
from pds.web.server import journal
from pds.web.tabs.compare import live_comparison

demo = build()


def main() -> int:
    """Serve the page, and its endpoints as MCP tools where that is asked for."""
    parser = argparse.ArgumentParser(description="Serve the demo.")
    parser.add_argument("--mcp", action="store_true", help="serve its endpoints as MCP tools too")
    mcp = parser.parse_args().mcp
    if mcp and importlib.util.find_spec("mcp") is None:
        print('app.py: --mcp needs a package more: pip install "gradio[mcp]"', file=sys.stderr)
        return 2
    memory.keep_large_blocks()
    journal.start()
    live_comparison.warm_up()
    # None leaves it to the environment variable GRADIO_MCP_SERVER.
    demo.launch(mcp_server=mcp or None, **options())
    return 0


if __name__ == "__main__":
    sys.exit(main())
