"""Types of arguments that several commands share."""

import argparse
from pathlib import Path

from pds.files.shipped import located


def counts(text: str) -> tuple[int, ...]:
    """Read iteration counts such as 200,66 from an argument."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        sentence = f"expected whole numbers such as 200,66, got {text!r}"
        raise argparse.ArgumentTypeError(sentence) from None


def shipped_path(text: str) -> Path:
    """Read the path of a file that may be a shipped one, see `pds.files.shipped.located`."""
    return Path(located(text))
