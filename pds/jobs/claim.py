"""A claim on the folder of a run, so that two runs do not draw the same files at once."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no such locks, and runs there are not kept apart.
    fcntl = None  # type: ignore[assignment]


@contextmanager
def claimed(folder: Path, *, shared: bool) -> Iterator[None]:
    """Claim a folder until the end of the block, or of the process.

    Nothing is written. A file system without locks is not claimed.

    Args:
        folder: which exists.
        shared: whether other shared claims are allowed, as of runs that draw one image each.

    Raises:
        OSError: if another process has claimed it.
    """
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(
                f"another process is sampling into {folder}; wait for its end, or choose another "
                "--eval_folder"
            ) from None
        except OSError:
            pass
        yield
    finally:
        os.close(handle)
