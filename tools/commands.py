"""Write docs/reference/commands.md: every command with its options, from the parsers.

    python -m tools.commands

The page is the same on every machine and for every Python: nothing is wrapped, and argparse formats
nothing but the texts.
"""

import argparse
from collections.abc import Iterator

from pds.arms.names import FORMS
from pds.commands import cli
from pds.commands.parser import Parser
from tools.server import ROOT

PAGE = ROOT / "docs" / "reference" / "commands.md"

HEAD = """\
<!-- Written by `python -m tools.commands`; change the parsers of pds/commands instead. -->

# Commands

`pds` is the command of the installed package, in any folder. In the project's folder it is
`python -m pds`, and `python main.py` takes the options of `pds sample`. Shipped files, such as
`configs/ve/portraits32_ncsnpp.py`, are found from every folder.

| exit code | when |
|---|---|
| 0 | all is well |
| 1 | `pds doctor` has found a problem |
| 2 | an option, a value or a file is wrong; one sentence on stderr says which, and what to do |
| 130 | stopped by Ctrl-C; what was saved is kept |
"""

NOT_RUN = "<!-- not run: examples of the help; test_commands_document.py parses them -->"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.relative_to(ROOT))


def page() -> str:
    """Return the page."""
    parser = cli.build_parser("pds", cli.COMMANDS)
    (commands,) = parser._get_positional_actions()
    sections = [HEAD]
    for title, names in cli.GROUPS.items():
        rows = (f"| [pds {name}](#pds-{name}) | {names[name]} |\n" for name in names)
        sections.append(
            f"\n## {title.capitalize()}\n\n| command | what it does |\n|---|---|\n{''.join(rows)}"
        )
        for name in names:
            sections.append(f"\n### pds {name}\n")
            sections.extend(f"\n{part}\n" for part in _parts(dict(commands.choices or ())[name]))
    return "".join(sections)


def _parts(parser: Parser) -> Iterator[str]:
    """Yield description, usage, options and examples of a command."""
    yield parser.description or ""
    usage = parser.format_help().partition("\n\n")[0]
    yield f"```text\n{' '.join(usage.removeprefix('usage: ').split())}\n```"
    for group in parser._action_groups:
        actions = [a for a in group._group_actions if not isinstance(a, argparse._HelpAction)]
        shown = [action for action in actions if action.help != argparse.SUPPRESS]
        if shown:
            rows = (f"| {_form(action)} | {_help(parser, action)} |" for action in shown)
            yield "\n".join([f"| {_escaped(group.title or '')} | meaning |", "|---|---|", *rows])
    yield from _epilog((parser.epilog or "").replace("%(prog)s", parser.prog))


def _form(action: argparse.Action) -> str:
    """Return what is typed of an argument, as code."""
    value = action.metavar
    if isinstance(value, tuple):
        value = " ".join(value)
    if value is None and action.choices is not None:
        value = f"{{{','.join(map(str, action.choices))}}}"
    if action.nargs == "*":
        value = f"[{value}]"
    if action.nargs == "+":
        value = f"{value} ..."
    flags = action.option_strings or [""]
    value = "" if action.nargs == 0 else value
    return ", ".join(f"`{_escaped(f'{flag} {value or str()}'.strip())}`" for flag in flags)


def _help(parser: Parser, action: argparse.Action) -> str:
    return _escaped(" ".join(parser._get_formatter()._expand_help(action).split()))


def _escaped(text: str) -> str:
    """Return a text for a cell of a table."""
    return text.replace("|", "\\|")


def _epilog(text: str) -> Iterator[str]:
    """Yield the paragraphs at the end of a help, the examples as code."""
    for paragraph in filter(None, text.split("\n\n")):
        if paragraph.startswith("examples:\n"):
            lines = (line.removeprefix("  ") for line in paragraph.splitlines()[1:])
            yield "\n".join([NOT_RUN, "```bash", *lines, "```"])
        else:
            yield paragraph.replace(FORMS, "see [samplers.md](../samplers.md)")


if __name__ == "__main__":
    main()
