"""Code blocks of the documents: their parsing, their changes for a test, their execution.

A block is a fence at the start of a line. A comment on the line before it may say

    <!-- in the test: OLD -> NEW; OLD -> NEW -->    plain replacements, for amounts that take long
    <!-- not run: REASON -->                        for what needs Docker, a card or the hub
"""

import contextlib
import importlib
import math
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

from pds.commands import cli, sample
from pds.files.shipped import ROOT

PAGE = "http://127.0.0.1:7860"
"""The address of a running page in the documents."""

BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>in the test|not run): (?P<note>.*?) -->\n)?"
    r"```(?P<language>[a-z]*)[^\n]*\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
NUMBER = re.compile(r"\d+(?:\.\d+)?")
CODE = ("bash", "python")
OUTPUT = ("", "text", "console", "diff", "json", "yaml", "toml", "nginx")
PREFIXES = ("python -m pds ", "pds ", "python main.py ", "python -m tools.")


@dataclass(frozen=True)
class Block:
    """A block of code: its page, its line there, its language, what it holds, why it is not run."""

    page: str
    line: int
    language: str
    code: str
    not_run: str | None = None


def read(page):
    """Return the blocks of a page of the project, of every language, in their order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [_block(page, text, match) for match in BLOCK.finditer(text)]


def _block(page, text, match):
    code, reason = match["code"], None
    if match["mark"] == "not run":
        reason = match["note"]
    elif match["mark"]:
        for change in re.split(r";\s+", match["note"]):
            old, new = re.split(r" ->\s*", change)
            assert old in code, f"{page} replaces {old!r}, which its block does not hold"
            code = code.replace(old, new)
    line = text[: match.start("code")].count("\n") + 1
    return Block(page, line, match["language"], code, reason)


def at_address(block, address):
    """Return the block with another address of the page."""
    return replace(block, code=block.code.replace(PAGE, address))


def run(block, namespace):
    """Run a block in the working directory; names of Python blocks are kept in `namespace`."""
    try:
        if block.language == "python":
            place = f"{ROOT / block.page}, block at line {block.line}"
            exec(compile(block.code, place, "exec"), namespace)
        elif (commands := simple_commands(block.code)) is not None:
            for words in commands:
                _run_command(words)
        else:
            _run_bash(block.code)
    except BaseException as error:
        error.add_note(f"{block.page}, line {block.line}:\n{block.code}")
        raise


def joined(code):
    """Return the lines of a shell, those that end with a backslash joined with the next."""
    return code.replace("\\\n", " ").splitlines()


def simple_commands(code):
    """Return the commands of a block as lists of words; None if it needs a shell.

    Simple are lines, also of several commands with && between them, without variables,
    redirections and pipes.
    """
    commands = [[]]
    for line in joined(code):
        lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&$`")
        lexer.whitespace_split = True
        for word in lexer:
            if word == "&&":
                commands.append([])
            elif set(word) & set(";<>|&$`") or re.match(r"[A-Z_]+=", word):
                return None
            else:
                commands[-1].append(word)
        commands.append([])
    return [words for words in commands if words]


def our_words(words):
    """Return the program and the arguments of a command of this project, None for another one."""
    line = " ".join(words) + " "
    prefix = next((prefix for prefix in PREFIXES if line.startswith(prefix)), None)
    if prefix is None:
        return None
    return words[:3] if prefix == "python -m tools." else prefix.split(), words[
        len(prefix.split()) :
    ]


def _run_command(words):
    ours = our_words(words)
    if words[0] == "python" and words[1:2] == ["-m"] and words[2].startswith("tools."):
        tool = importlib.import_module(words[2])
        with mock.patch.object(sys, "argv", words[2:]):
            assert not tool.main()
    elif ours is None:
        _run_bash(shlex.join(words))
    elif "main.py" in words[:2]:
        assert sample.sample_main(ours[1]) == 0
    else:
        assert cli.main(ours[1]) == 0


def _run_bash(code):
    """Run lines by bash, with the python of the tests and this project in its path."""
    own = "\n".join(
        [
            "set -eo pipefail",
            f'python() {{ {shlex.quote(sys.executable)} "$@"; }}',
            'pds() { python -m pds "$@"; }',
        ]
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        ["bash", "-c", f"{own}\n{code}"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stderr


def alike(shown, printed):
    """Return whether two outputs have the same words, and numbers within 5 % of each other.

    Processors round differently, and the last shown digit of a small number is a few percent.
    """
    if NUMBER.sub("", shown).split() != NUMBER.sub("", printed).split():
        return False
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(printed), strict=True)
    return all(math.isclose(float(a), float(b), rel_tol=0.05) for a, b in pairs)


@contextlib.contextmanager
def folder(path: Path):
    """Work in a folder that has the scripts of a checkout, as links."""
    for name in ("main.py", "app.py", "examples", "tests", "tools"):
        if (ROOT / name).exists():
            (path / name).symlink_to(ROOT / name)
    before = os.getcwd()
    os.chdir(path)
    try:
        yield
    finally:
        os.chdir(before)
