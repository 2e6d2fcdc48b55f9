"""One thread per device that drives the engines of all models, and hands everybody their steps.

Visitors call `stream` from threads of their own. The thread makes one half step of each model that
has runs, in turn, so that nobody's model waits for another's run. A visitor who does not take the
steps is set aside after `AHEAD` of them; one who closes the iterator is gone before the next half
step.
"""

import os
import queue
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

import torch

from pds.chains import Chains, Step
from pds.engine import Engine

AHEAD = 2
"""Iterations that a run may be ahead of its reader."""

Steps = tuple[Step, ...]


@dataclass(eq=False)
class _Seat:
    """A run and its reader. The worker's thread alone changes `ahead` and `gone`."""

    engine: Engine
    chains: Chains
    out: "queue.SimpleQueue[Steps | BaseException]" = field(default_factory=queue.SimpleQueue)
    ahead: int = 0
    gone: bool = False


class Worker:
    """Drives engines on one thread, which is started with the first run and sleeps without any.

    Args:
        device: where the engines' models live.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self._device = torch.device(device)
        self._begin()
        if hasattr(os, "register_at_fork"):
            # A copy of this process (a ZeroGPU call is one) has the runs, but not the thread.
            os.register_at_fork(after_in_child=self._forget)

    def _begin(self) -> None:
        self._seats: dict[Chains, _Seat] = {}
        self._inbox: queue.SimpleQueue[tuple[Callable[[_Seat], None], _Seat]] = queue.SimpleQueue()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def _forget(self) -> None:
        for seat in self._seats.values():
            seat.engine.leave(seat.chains)
        self._begin()

    @property
    def num_runs(self) -> int:
        """Return how many runs are under way, of all models."""
        return len(self._seats)

    @property
    def alive(self) -> bool:
        """Return whether runs advance, or would if there were any."""
        return self._thread is None or self._thread.is_alive()

    def stream(self, engine: Engine, chains: Chains) -> Generator[Steps, None, None]:
        """Yield the steps of a run, one iteration after the other; `close()` it to leave.

        Args:
            engine: of the run's model; it must be driven by this worker only.
            chains: the run.

        Raises:
            Exception: whatever the run's kernels or its model raised.
        """
        seat = _Seat(engine, chains)
        self._post(self._enter, seat)
        try:
            for _ in range(chains.num_steps):
                item = seat.out.get()
                if isinstance(item, BaseException):
                    raise item
                self._post(self._taken, seat)
                yield item
        finally:
            self._post(self._go, seat)

    def _post(self, what: Callable[[_Seat], None], seat: _Seat) -> None:
        self._inbox.put((what, seat))
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._drive, name="sampler", daemon=True)
                self._thread.start()

    def _drive(self) -> None:
        """Obey, step every engine that has runs, and so on for ever."""
        fence = None
        if self._device.type == "cuda":
            fence = torch.cuda.Event()  # type: ignore[no-untyped-call]
        while True:
            self._obey()
            for engine in {id(s.engine): s.engine for s in self._seats.values()}.values():
                if engine.num_runs:
                    self._step(engine)
            if fence is not None:
                # One step behind: the GPU never idles, and the queue on it stays short.
                fence.synchronize()
                fence.record()

    def _obey(self) -> None:
        """Do what visitors asked for; wait for it where there is nothing else to do."""
        idle = not any(seat.engine.num_runs for seat in self._seats.values())
        while idle or not self._inbox.empty():
            what, seat = self._inbox.get()
            what(seat)
            idle = False

    def _step(self, engine: Engine) -> None:
        try:
            ended = engine.step()
        except Exception as error:
            # Whatever it is, the visitors of this batch are told, and all others go on.
            for chains in engine.batch:
                engine.leave(chains)
                self._seats[chains].out.put(error)
            return
        for chains, steps in ended:
            seat = self._seats[chains]
            seat.ahead += 1
            if seat.ahead >= AHEAD:
                engine.leave(chains)
            seat.out.put(steps)

    def _enter(self, seat: _Seat) -> None:
        try:
            seat.engine.join(seat.chains)
        except ValueError as error:
            seat.out.put(error)
            return
        self._seats[seat.chains] = seat

    def _taken(self, seat: _Seat) -> None:
        seat.ahead -= 1
        if not seat.gone and not seat.chains.finished:
            seat.engine.join(seat.chains)

    def _go(self, seat: _Seat) -> None:
        seat.gone = True
        seat.engine.leave(seat.chains)
        self._seats.pop(seat.chains, None)
