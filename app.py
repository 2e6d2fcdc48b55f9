"""Launch the demo: python app.py, then open the address that it prints; --mcp serves tools too."""

import argparse
import sys

from pds.commands import app
from pds.commands.cli import exit_code
from pds.serving import memory


def main() -> int:
    """Serve the page and return the exit code."""
    parser = argparse.ArgumentParser(description="Serve the demo.")
    app.add(parser)
    arguments = parser.parse_args()
    memory.keep_large_blocks()
    return exit_code(lambda: app.run(arguments), "app.py", stopped="stopped")


if __name__ == "__main__":
    sys.exit(main())
