"""The command `pds`, or `python -m pds`: one module of this package for each of its commands.

A command's module has `add(parser)`, its options, and `run(arguments)`. It is imported when the
command is chosen, so that `pds --help` answers at once.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

COMMANDS = {
    "app": "serve the page",
    "compare": "draw the page's comparison as a PNG",
    "sample": "draw images with the paper's flags, as main.py does",
    "train": "train an NCSN++ on portraits, resumable",
    "filter": "estimate filters from images, and draw them",
    "convert": "write any checkpoint as .safetensors",
    "ladder": "measure grain and contrast at each N",
    "record": "sample the run that the page opens with",
    "show": "print the command that made a picture",
    "bench": "measure speeds against their targets, and grain",
    "evaluate": "measure samplers against held-out data",
    "sizes": "measure the same samplers at several resolutions",
    "tune": "fit a filter to a number of iterations",
}
"""What each command does, by the name of its module."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    arguments = parse(sys.argv[1:] if argv is None else argv)
    return exit_code(
        lambda: arguments.run(arguments), "pds", stopped="stopped; what was saved is kept"
    )


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments of `pds`; `run` of the result is the function of the command."""
    installed = Path(sys.argv[0]).stem == "pds"
    parser = argparse.ArgumentParser(
        prog="pds" if installed else "python -m pds", description="Preconditioned sampling."
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    chosen = next((word for word in argv if not word.startswith("-")), None)
    for name, sentence in COMMANDS.items():
        command = commands.add_parser(name, help=sentence)
        if name == chosen:
            module = import_module(f"pds.commands.{name}")
            module.add(command)
            command.set_defaults(run=module.run)
    return parser.parse_args(argv)


def exit_code(command: Callable[[], None], name: str, *, stopped: str) -> int:
    """Run a command; an error becomes one sentence on stderr and exit code 2.

    Args:
        command: raises ValueError or OSError with the sentence.
        name: of the program, before the sentence.
        stopped: message after Ctrl-C.
    """
    try:
        command()
    except (ValueError, OSError) as error:
        print(f"{name}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{name}: {stopped}", file=sys.stderr)
        return 130
    return 0
