"""The command `pds`, and `python -m pds`; see `pds.commands.cli`."""

import sys

from pds.commands import cli
from pds.serving import memory


def main() -> int:
    """Run a command as the main program and return its exit code."""
    memory.keep_large_blocks()
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
