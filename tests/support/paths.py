"""Where the checkout and the files of the tests are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
"""Of the checkout."""

GOLDEN = ROOT / "tests" / "golden"
"""Recordings of the reference implementation."""
