"""A section of the report of `pds doctor`, and how imports are tried."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from pds.limits import one_line

Progress = Callable[[str], None]
"""Called with each step before it begins."""


@dataclass
class Section:
    """The findings on one subject.

    title: its name, and its key in the JSON.
    facts: values of JSON by name.
    problems: a sentence each, with what to do.
    """

    title: str
    facts: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return the title and a line for each fact."""
        width = max(map(len, self.facts), default=0)
        lines = (
            f"  {name.replace('_', ' '):<{width}}  {_shown(value)}"
            for name, value in self.facts.items()
        )
        return "\n".join([self.title, *lines])


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(part)}" for name, part in value.items())
    if isinstance(value, list):
        return "; ".join(map(_shown, value)) or "none"
    return "none" if value is None else str(value)


def imported(name: str) -> tuple[Any, str]:
    """Return a module and "", or None and why it cannot be imported."""
    try:
        module = import_module(name)
    # A package that is broken may raise anything, and every error belongs in the report.
    except Exception as error:
        return None, f"{type(error).__name__}: {one_line(error)}"
    if module.__file__ is None:
        return None, "its folder has no code, as after an installation that broke off"
    return module, ""
