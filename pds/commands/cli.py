"""The command `pds`, or `python -m pds`: one module of this package for each of its commands.

A command's module has `add(parser)`, its options, and `run(arguments)`. It is imported when the
command is chosen, so that `pds --help` answers at once.
"""

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TextIO

from pds.commands.parser import Parser
from pds.limits import one_line

COMMANDS = {
    "app": "serve the page",
    "compare": "draw two samplers from the same noise as a PNG",
    "sheet": "draw samplers by numbers of iterations as a PNG, with a table",
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
    "response": "measure what a network keeps of a picture and of noise",
    "predict": "predict grain and contrast without sampling",
    "tune": "fit a filter to a number of iterations",
}
"""What each command does, by the name of its module."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""

    def command() -> None:
        arguments = parse(sys.argv[1:] if argv is None else argv)
        arguments.run(arguments)

    return exit_code(command, "pds", stopped="stopped; what was saved is kept")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments of `pds`; `run` of the result is the function of the command."""
    installed = Path(sys.argv[0]).stem == "pds"
    parser = Parser(
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
    """Run a command; an error becomes one sentence on stderr and exit code 2, a warning a note.

    Args:
        command: raises ValueError or OSError with the sentence, warns with UserWarning.
        name: of the program, before the sentence.
        stopped: message after Ctrl-C.
    """
    try:
        with _notes(name):
            command()
    except (ValueError, OSError) as error:
        print(f"{name}: {one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{name}: {stopped}", file=sys.stderr)
        return 130
    return 0


@contextmanager
def _notes(name: str) -> Iterator[None]:
    """Print warnings of the class UserWarning as one line each, once, on the first rank only."""
    show, printed = warnings.showwarning, set[str]()

    def note(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if category is not UserWarning:
            return show(message, category, filename, lineno, file, line)
        sentence = one_line(message)
        if sentence not in printed and os.environ.get("RANK", "0") == "0":
            print(f"{name}: note: {sentence}", file=sys.stderr)
        printed.add(sentence)

    with warnings.catch_warnings():
        # Once for each text, and not for each line of this package that warns.
        warnings.filterwarnings("always", category=UserWarning, module=r"pds(\.|$)")
        warnings.showwarning = note
        yield
