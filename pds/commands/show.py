"""`pds show`: print the command that made a picture."""

import argparse
from pathlib import Path

from pds.files import pictures
from pds.jobs import folder, request_text


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.add_argument(
        "picture", type=Path, metavar="FILE.png", help="drawn by main.py or the page"
    )


def run(arguments: argparse.Namespace) -> None:
    """Print the command of a comparison, or of a run of `main.py`."""
    picture = arguments.picture
    print(_comparison(picture) or folder.command_of(picture))


def _comparison(picture: Path) -> str | None:
    """Return the command that draws a comparison again, or None if the PNG is no comparison."""
    text = pictures.read_text(picture) if picture.is_file() else None
    if not text or f'"{request_text.RECORD_KEY}"' not in text[:40]:
        return None
    return request_text.to_command(request_text.from_record(text))
