"""The paths of the weights, filters and configurations that come with this project."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
_INSTALLED = _PACKAGE / "_shipped"

ROOT = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent
"""Holds assets/, filters/ and configs/: `pds/_shipped` once installed, the top of a checkout."""


COMMAND = ("python", "-m", "pds") if (ROOT / "main.py").is_file() else ("pds",)
"""How a command of pds is started: in a checkout as a module, once installed by its name."""


def resolve_path(path: str) -> str:
    """Return the path, or the shipped file of that relative path if nothing is at the path.

    So `configs/ve/portraits32_ncsnpp.py` names the same file in every folder.
    """
    shipped = ROOT / path
    return str(shipped) if os.path.isfile(shipped) and not os.path.exists(path) else path


def shipped_name(path: str) -> str:
    """Return the relative path of a shipped file, from which `resolve_path` returns the path.

    Every other path is returned unchanged.
    """
    if not Path(path).is_relative_to(ROOT):
        return path
    name = Path(path).relative_to(ROOT).as_posix()
    return name if resolve_path(name) == path else path
