"""The help of `pds`: its commands in groups, and examples as they are typed."""

import argparse
import shutil
from collections.abc import Mapping
from itertools import groupby
from typing import Any

WIDEST = 98
"""Largest width of a help, in columns."""


class Formatter(argparse.HelpFormatter):
    """Fills text to the width of the terminal; lines that begin with spaces stay as they are."""

    def __init__(self, prog: str, **options: Any) -> None:
        width = min(shutil.get_terminal_size().columns - 2, WIDEST)
        position = min(28, width // 3)
        super().__init__(prog, **{"width": width, "max_help_position": position, **options})

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        fill, parts = super()._fill_text, list[str]()
        for kept, lines in groupby(text.splitlines(), lambda line: line.startswith("  ")):
            if kept:
                parts.extend(indent + line for line in lines)
            else:
                parts.extend(fill(line, width, indent) for line in lines)
        return "\n".join(parts)


def print_groups(
    formatter: argparse.HelpFormatter, groups: Mapping[str, Mapping[str, str]]
) -> None:
    """Add a section for each group of commands, which gives each command its sentence."""
    for title, commands in groups.items():
        formatter.start_section(title)
        for name, sentence in commands.items():
            formatter.add_argument(argparse.Action([], name, metavar=name, help=sentence))
        formatter.end_section()
