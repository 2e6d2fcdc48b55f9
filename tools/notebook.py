"""Strip the outputs of notebooks, as the repository keeps them: python -m tools.notebook PATH ...

The tests execute them, so that no stored output can be out of date. Needs requirements-dev.txt.
"""

import argparse
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode


def stripped(notebook: NotebookNode) -> NotebookNode:
    """Return a notebook without outputs, counts, and what editors add to it."""
    cells = []
    for cell in notebook.cells:
        kept = {name: cell[name] for name in ("id", "cell_type", "source")}
        ran: dict[str, Any] = (
            {"outputs": [], "execution_count": None} if cell.cell_type == "code" else {}
        )
        cells.append(NotebookNode(**kept, **ran, metadata=NotebookNode()))
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    kept_notebook: NotebookNode = nbformat.from_dict(
        {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    )
    return kept_notebook


def main() -> None:
    """Strip the notebooks that are named, in place."""
    parser = argparse.ArgumentParser(description="Strip the outputs of notebooks.")
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH")
    for path in parser.parse_args().paths:
        nbformat.write(stripped(nbformat.read(path, as_version=4)), path)


if __name__ == "__main__":
    main()
