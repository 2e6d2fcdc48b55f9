"""Arguments that several commands share, and types of arguments."""

import argparse
import os
from pathlib import Path

from pds.files.shipped import resolve_path


def counts(text: str) -> tuple[int, ...]:
    """Read iteration counts such as 200,66 from an argument."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        sentence = f"expected whole numbers such as 200,66, got {text!r}"
        raise argparse.ArgumentTypeError(sentence) from None


def add_device(group: argparse._ActionsContainer) -> None:
    """Add the option --device of commands that compute on the CPU by default."""
    group.add_argument(
        "--device",
        default="cpu",
        metavar="DEVICE",
        help="cpu, cuda or cuda:N; default %(default)s",
    )


def add_seed(group: argparse._ActionsContainer) -> None:
    """Add the option --seed of commands that draw images."""
    group.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="image i starts from seed + i; default %(default)s",
    )


def place(text: str) -> str:
    """Read a path, with ~ for the home folder: a shell leaves it in `--workdir=~/runs`."""
    if not text.strip():
        raise argparse.ArgumentTypeError(f"expected a path, got {text!r}")
    return os.path.expanduser(text)


def source(text: str) -> str:
    """Read a path as `place` does; a shipped file is also taken, see `resolve_path`."""
    return resolve_path(place(text))


def shipped_path(text: str) -> Path:
    """Read the path of a file that may be a shipped one, as `source` does."""
    return Path(source(text))
