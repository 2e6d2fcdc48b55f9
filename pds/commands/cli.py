"""The command `pds`, or `python -m pds`: one module of this package for each of its commands.

A command's module has `add(parser)`, its options, and `run(arguments)`. It is imported when the
command is chosen, so that `pds --help` answers at once.
"""

import argparse
import os
import platform
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TextIO

import pds
from pds.commands.parser import Overview, Parser
from pds.files.shipped import COMMAND
from pds.limits import one_line

GROUPS = {
    "look": {
        "app": "serve the page",
        "compare": "run two samplers from the same noise, as a PNG",
        "sheet": "run samplers at several numbers of iterations, as a PNG and a table",
        "ladder": "measure grain and contrast of vanilla and PDS at each N",
        "show": "print the command that made an image",
    },
    "your checkpoint": {
        "sample": "sample images of a checkpoint, with the flags of main.py",
        "filter": "estimate the filters of PDS from images",
        "convert": "write any checkpoint as one .safetensors file",
        "tune": "fit a filter to a number of iterations",
        "response": "measure what a network keeps of images and of noise",
        "predict": "predict grain and contrast at each N without sampling",
    },
    "measure": {
        "evaluate": "measure samplers against held-out data",
        "sizes": "measure the same samplers at several resolutions",
        "bench": "measure speeds against their targets",
    },
    "develop": {
        "train": "train a network on the drawn portraits",
        "record": "record what the page shows before anything is sampled",
    },
    "help": {
        "doctor": "check the installation, for a bug report",
        "completion": "print a script that completes commands in a shell",
    },
}
"""What each command does, by the name of its module, in the groups of `pds --help`."""

PIPE_CLOSED = 141
"""Exit code of a program that SIGPIPE ends, as shells report it."""

COMMANDS = {name: sentence for group in GROUPS.values() for name, sentence in group.items()}

DESCRIPTION = (
    "Samples score-based diffusion models with few iterations, with and without preconditioning "
    "(PDS), and measures what the preconditioner changes. Every command explains its options with "
    "--help."
)

EXAMPLES = """\
examples:
  %(prog)s app
  %(prog)s compare --num-steps 25 --out comparison.png
  %(prog)s predict portraits32 --counts 25,50,100"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""

    def command() -> None:
        arguments = parse_arguments(sys.argv[1:] if argv is None else argv)
        arguments.run(arguments)

    return exit_code(command, "pds", stopped="stopped; what was saved is kept")


def parse_arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments of `pds`; `run` of the result is the function of the command.

    `pds help COMMAND` is `pds COMMAND --help`, and `pds` alone is `pds --help`.
    """
    first, *rest = argv or ["--help"]
    if first == "help":
        first, *rest = [*rest, "--help"]
    installed = Path(sys.argv[0]).stem == "pds"
    parser = build_parser("pds" if installed else "python -m pds", [first])
    if first not in (*COMMANDS, "-h", "--help", "--version"):
        parser.refuse(first)
    return parser.parse_args([first, *rest])


def build_parser(prog: str, names: Iterable[str]) -> Overview:
    """Return the parser of `pds`, in which the commands of these names have their options."""
    parser = Overview(GROUPS, prog=prog, description=DESCRIPTION, epilog=EXAMPLES)
    parser.add_argument("--version", action=_Version, help="print the version, and that of torch")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    for name in COMMANDS:
        command = commands.add_parser(name, help=COMMANDS[name])
        if name in names:
            module = import_module(f"pds.commands.{name}")
            module.add(command)
            command.set_defaults(run=module.run)
    return parser


class _Version(argparse._HelpAction):
    """Print the versions and exit; torch is not imported for it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        from importlib import metadata

        try:
            torch = f"torch {metadata.version('torch')}"
        except metadata.PackageNotFoundError:
            torch = "without torch"
        print(f"pds {pds.__version__}, {torch}, Python {platform.python_version()}")
        parser.exit()


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
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the output, such as head, has ended. Python flushes again at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except (ValueError, OSError) as error:
        print(f"{name}: {one_line(error)}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        package = (error.name or "pds").partition(".")[0]
        if package == "pds":
            raise
        advice = f"{' '.join(COMMAND)} doctor lists missing packages and how to install them"
        print(f"{name}: the package {package} is missing; {advice}", file=sys.stderr)
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
