"""Keep large blocks of memory from one network call to the next.

A network call on a CPU asks for blocks of up to hundreds of megabytes and gives them back. The C
library of most Linux systems (glibc) returns such blocks to the system at once, which has to clear
every page of them for the next call; a call at 256 px takes 1.3 times as long for it. A program
may ask it to keep them. That is the program's choice, so entry points call this, libraries do not.
"""

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
"""Options of mallopt, from malloc.h."""


def keep_large_blocks(limit: int = 2**30) -> bool:
    """Keep up to `limit` bytes of freed memory in this process; call it before any allocation.

    The cost: the process stays as large as its largest network call, 0.4 GB more at 256 px,
    until `release`. Blocks above the limit come and go as before. All threads share one pool, since
    the pool of a thread holds 64 MB at most and is released when it is empty.

    Args:
        limit: in bytes, below 2^31.

    Returns:
        Whether it took effect; it has none with other C libraries than glibc.
    """
    libc = _glibc()
    if libc is None:
        return False
    options = {M_ARENA_MAX: 1, M_MMAP_THRESHOLD: limit, M_TRIM_THRESHOLD: limit}
    return all([libc.mallopt(option, value) == 1 for option, value in options.items()])


def release() -> None:
    """Give the system all memory that is kept and not in use, in about 0.1 s; for idle times."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
