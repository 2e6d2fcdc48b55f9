"""Work in a separate process, without the settings of this one, such as its memory pools."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import torch

from pds.bench.timing import Work


class Apart(AbstractContextManager["Apart"]):
    """Runs a work in another process, one call at a time; the process ends with the context.

    Args:
        make: returns the work, in that process; a function of a module.
        arguments: of `make`.
    """

    def __init__(self, make: Callable[..., Work], *arguments: Any) -> None:
        context = get_context("spawn")
        self._line, line = context.Pipe()
        parameters = (line, torch.get_num_threads(), make, arguments)
        self._process = context.Process(target=_serve, args=parameters, daemon=True)
        self._process.start()
        line.close()

    def __call__(self) -> None:
        """Do the work once and wait for it.

        Raises:
            EOFError: if the process has died.
        """
        self._line.send(None)
        self._line.recv()

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()


def _serve(
    line: Connection, num_threads: int, make: Callable[..., Work], arguments: tuple[Any, ...]
) -> None:
    torch.set_num_threads(num_threads)
    work = make(*arguments)
    while True:
        line.recv()
        work()
        line.send(None)
