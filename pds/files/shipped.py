"""Where the weights, filters and configurations lie that come with this project."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
_INSTALLED = _PACKAGE / "_shipped"

ROOT = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent
"""Holds assets/, filters/ and configs/: `pds/_shipped` once installed, the top of a checkout."""


def resolve_path(path: str) -> str:
    """Return the path, or the shipped file of that relative path if nothing is at the path.

    So `configs/ve/portraits32_ncsnpp.py` names the same file in every folder.
    """
    shipped = ROOT / path
    return str(shipped) if os.path.isfile(shipped) and not os.path.exists(path) else path
