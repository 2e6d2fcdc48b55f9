"""`pds show`: print the command that made a picture."""

import argparse
from pathlib import Path

from pds.jobs import folder, request_text, sheet_files

KINDS = {
    b"\xff\xd8\xff": "a JPEG",
    b"RIFF": "a WebP",
    b"GIF8": "a GIF",
    b"PK\x03\x04": "an archive",
}
"""First bytes of files that are mistaken for the picture."""
WITHOUT_TEXT = "a PNG without a record, such as a screenshot or a copy that another program saved"
CUT = "a PNG that is damaged or ends too early, such as an interrupted download"


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.description = (
        "Prints the command that made an image. The image must be the PNG as it was "
        "saved: a screenshot, or a copy that another program saved, does not say how it was made."
    )
    parser.add_argument(
        "picture",
        type=Path,
        metavar="FILE.png",
        help="PNG of `compare`, `sheet` or `sample`, of main.py, or saved on the page",
    )


def run(arguments: argparse.Namespace) -> None:
    """Print the command of a comparison, of a sheet, or of a run of `main.py`."""
    picture = arguments.picture
    text = folder.read_text(picture)
    if not text and picture.is_file():
        raise ValueError(
            f"{picture} does not say how it was made: it is {_kind(picture, text)}; expected a PNG "
            "as main.py or the page saved it"
        )
    print((_command(text) if text else None) or folder.command_of(picture))


def _command(text: str) -> str | None:
    """Return the command that draws a comparison or a sheet again, None if the text is of none."""
    try:
        values = request_text.json_object(text)
    except ValueError:
        return None
    if sheet_files.RECORD_KEY in values:
        return sheet_files.to_command(sheet_files.from_record(text))
    if request_text.RECORD_KEY not in values:
        return None
    return request_text.to_command(request_text.from_record(text))


def _kind(path: Path, text: str | None) -> str:
    """Return what a file is that has no text of ours."""
    if text is not None:
        return WITHOUT_TEXT
    with path.open("rb") as file:
        start = file.read(8)
    if start == b"\x89PNG\r\n\x1a\n":
        return CUT
    named = (name for first, name in KINDS.items() if start.startswith(first))
    return next(named, "empty" if not start else "not a PNG")
