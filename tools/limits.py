"""The limits as a table for docs/operations.md: python -m tools.limits."""

import ast
from itertools import pairwise
from pathlib import Path

from pds import limits

SOURCE = Path(limits.__file__)


def rows() -> list[tuple[str, str, str]]:
    """Return name, value and meaning of every limit, in the order of the module."""
    body = ast.parse(SOURCE.read_text(encoding="utf-8")).body
    found = []
    for node, after in pairwise(body):
        if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)):
            continue
        name = node.targets[0].id
        if name.startswith("_"):
            continue
        assert isinstance(after, ast.Expr)
        assert isinstance(after.value, ast.Constant)
        meaning = " ".join(str(after.value.value).split())
        found.append((name, _written(getattr(limits, name)), meaning))
    return found


def table() -> str:
    """Return the rows as a table."""
    lines = ["| limit | value | of what |", "|---|---|---|"]
    lines += [f"| `{name}` | {value} | {meaning} |" for name, value, meaning in rows()]
    return "\n".join(lines)


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:,}"


if __name__ == "__main__":
    print(table())
