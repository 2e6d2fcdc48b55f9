"""Types of arguments that several commands share."""

import argparse
import os
from pathlib import Path

from pds.files.shipped import located


def counts(text: str) -> tuple[int, ...]:
    """Read iteration counts such as 200,66 from an argument."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        sentence = f"expected whole numbers such as 200,66, got {text!r}"
        raise argparse.ArgumentTypeError(sentence) from None


def place(text: str) -> str:
    """Read a path, with ~ for the home folder: a shell leaves it in `--workdir=~/runs`."""
    if not text.strip():
        raise argparse.ArgumentTypeError(f"expected a path, got {text!r}")
    return os.path.expanduser(text)


def source(text: str) -> str:
    """Read a path as `place` does; it may be of a shipped file, see `pds.files.shipped.located`."""
    return located(place(text))


def shipped_path(text: str) -> Path:
    """Read the path of a file that may be a shipped one, as `source` does."""
    return Path(source(text))
