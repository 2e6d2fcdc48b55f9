"""Work in a separate process, without the settings of this one, such as its memory pools."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import torch

from pds.bench.rows import Benchmark, Row
from pds.bench.timing import Effort, Work


class Apart(AbstractContextManager["Apart"]):
    """Runs a work in another process, one call at a time; the process ends with the context.

    Args:
        make: returns the work, in that process; a function of a module. What the work returns is
            sent to this process.
        arguments: of `make`.
    """

    def __init__(self, make: Callable[..., Work], *arguments: Any) -> None:
        context = get_context("spawn")
        self._line, line = context.Pipe()
        parameters = (line, torch.get_num_threads(), make, arguments)
        self._process = context.Process(target=_serve, args=parameters, daemon=True)
        self._process.start()
        line.close()

    def __call__(self) -> Any:
        """Do the work once, wait for it and return its result.

        Raises:
            RuntimeError: if the process has died; its traceback is on stderr.
        """
        try:
            self._line.send(None)
            return self._line.recv()
        except (EOFError, OSError):
            raise RuntimeError("the benchmark's own process has ended with an error") from None

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()


def rows_apart(benchmark: Benchmark, effort: Effort) -> Iterator[Row]:
    """Measure a benchmark, a function of a module, in another process and yield its rows."""
    with Apart(_next_row, benchmark, effort) as next_row:
        while (row := next_row()) is not None:
            yield row


def _next_row(benchmark: Benchmark, effort: Effort) -> Work:
    rows = benchmark(effort)
    return lambda: next(rows, None)


def _serve(
    line: Connection, num_threads: int, make: Callable[..., Work], arguments: tuple[Any, ...]
) -> None:
    torch.set_num_threads(num_threads)
    work = make(*arguments)
    while True:
        line.recv()
        line.send(work())
