"""docs/reference/commands.md equals the output of its tool, and its examples parse."""

import re
import shlex

import pytest

from pds.commands import cli
from tools import commands

TEXT = commands.PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
EXAMPLES = [line for block in BLOCKS for line in block.replace("\\\n", " ").splitlines()]
OVERVIEW = cli.EXAMPLES.replace("%(prog)s", "pds").splitlines()[1:]


@pytest.mark.parametrize("columns", ["50", "200"])
def test_the_page_is_what_the_tool_writes_for_every_terminal(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    assert commands.page() == TEXT, "run python -m tools.commands"


@pytest.mark.parametrize("example", [*OVERVIEW, *EXAMPLES])
def test_an_example_is_a_command(example):
    program, *words = shlex.split(example.partition(" > ")[0])
    assert program == "pds"
    assert callable(cli.parse_arguments(words).run)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_a_section(name):
    assert f"\n### pds {name}\n" in TEXT
