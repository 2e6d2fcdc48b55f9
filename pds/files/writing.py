"""Atomic writes: a file appears complete, or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; rename it to `path` if the body succeeds.

    Missing folders are created. If the body fails, the temporary file is removed and an existing
    file at `path` is kept. The temporary name is always the same for a path: the next write
    replaces what a killed process left. Two processes must not write the same path at once.

    Raises:
        OSError: if the file cannot be written; any other error of the body passes through.
    """
    partial = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise OSError(
            f"cannot write {path} ({error.strerror or error}); files written before are kept, so "
            "make room or choose another place, and run the command again"
        ) from None
    finally:
        if partial.is_file():
            partial.unlink()


def write(path: Path, content: bytes) -> None:
    """Write bytes atomically; missing folders are created.

    Raises:
        OSError: if the file cannot be written.
    """
    with whole(path) as partial:
        partial.write_bytes(content)


def require_writable(path: Path) -> None:
    """Check, before work begins, that a file can be written beside others at `path`.

    Raises:
        ValueError: if the path has no name.
        OSError: if its folder cannot be made or written.
    """
    if not path.name:
        raise ValueError(f"{path} has no name for files; expected a path such as filters/mine")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise OSError(f"cannot write {path}: {folder} is no folder that can be written")
