"""Files that are written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a place to write to that becomes `path` at the end, or nothing if the body fails.

    Missing folders are made. The partial file lies beside it, so that the rename is atomic.

    Raises:
        OSError: if the file cannot be written; says which and that nothing else was lost.
    """
    partial = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise OSError(
            f"cannot write {path} ({error.strerror}); files written before are kept, so make room "
            "or choose another place, and run the command again"
        ) from None
    finally:
        partial.unlink(missing_ok=True)


def write(path: Path, content: bytes) -> None:
    """Write bytes, whole or not at all; raises as `whole`."""
    with whole(path) as partial:
        partial.write_bytes(content)
