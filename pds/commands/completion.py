"""`pds completion`: print a script that completes commands, options and files in a shell.

The package shtab writes the script from the parsers of all commands, so that no command is imported
while a line is completed. What a value is completed to follows from its name in the help: a file of
its ending for FILE.png, a folder for FOLDER.
"""

import argparse
from pathlib import Path
from typing import Any

from pds.commands import cli
from pds.commands.parser import Dotted, Overview

SHELLS = ("bash", "zsh", "fish")


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.description = (
        "Prints a script with which a shell completes the commands of the installed `pds`, their "
        "options, and files. Write it where the shell looks for such scripts, and open a new "
        "shell. Needs the package shtab."
    )
    parser.epilog = """\
examples:
  %(prog)s bash > ~/.local/share/bash-completion/completions/pds
  %(prog)s zsh > "${fpath[1]}/_pds"
  %(prog)s fish > ~/.config/fish/completions/pds.fish"""
    parser.add_argument(
        "shell", choices=SHELLS, metavar="SHELL", help=f"one of {', '.join(SHELLS)}"
    )


def run(arguments: argparse.Namespace) -> None:
    """Print the script.

    Raises:
        ValueError: if shtab is not installed.
    """
    try:
        import shtab
    except ModuleNotFoundError:
        raise ValueError("completion needs the package shtab: pip install shtab") from None
    print(shtab.complete(_parser(), arguments.shell))


def _parser() -> Overview:
    """Return the parser of all commands, whose arguments have what they are completed to."""
    parser = cli.build_parser("pds", cli.COMMANDS)
    (commands,) = parser._get_positional_actions()
    for command in dict(commands.choices or ()).values():
        command.description = None  # the sentence of the overview is shown instead
        for action in command._actions:
            _complete(action)
    return parser


def _complete(action: argparse.Action) -> None:
    from shtab import DIRECTORY, FILE, glob

    name = action.metavar
    if isinstance(action, Dotted):
        action.help = argparse.SUPPRESS  # any key of a configuration
    elif name == "FOLDER":
        _set(action, DIRECTORY)
    elif name in ("SOURCE", "PREFIX"):
        _set(action, FILE)
    elif name == "MODEL" and action.choices is None:
        _set(action, _model_or_file())
    elif isinstance(name, str) and name.startswith("FILE."):
        _set(action, glob(f"*{Path(name).suffix}"))


def _set(action: argparse.Action, completion: Any) -> None:
    action.complete = completion  # type: ignore[attr-defined]


def _model_or_file() -> dict[str, Any]:
    """Return the completion of a model: the names of the page's, and .safetensors files."""
    from pds.models import MODELS

    names, function = " ".join(MODELS), "_pds_model_or_file"
    bash = f"""\
{function}() {{
  compgen -W "{names}" -- "$1"
  compgen -f -X "!*.safetensors" -- "$1"
  compgen -d -- "$1"
}}"""
    zsh = f"""\
{function}() {{
  compadd {names}
  _files -g '*.safetensors'
}}"""
    return {
        "bash": function,
        "zsh": function,
        "fish": f"(string split ' ' '{names}'; __fish_complete_suffix .safetensors)",
        "preamble": {"bash": bash, "zsh": zsh},
    }
