"""One thread per device that drives the batchers of all models and passes on the steps.

Readers call `stream` from their own threads. The worker's thread makes one network call for each
model with runs, in turn, so that no model waits until the runs of another end. A run is paused
while `AHEAD` of its iterations have not been read; closing its iterator cancels it before the next
network call. `Workers` assigns runs to devices.
"""

import atexit
import os
import queue
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from pds.sampling import JointChain, Step
from pds.serving.batcher import Batcher
from pds.serving.devices import make_current

AHEAD = 2
"""Iterations that a run may be ahead of its reader."""

EXIT_SECONDS = 10.0
"""Longest time that the end of the process waits for the step under way."""


class _End:
    """Marks the end of a run in its queue."""


@dataclass(eq=False)
class _Reader:
    """A run and its reader. Only the worker's thread changes `unread`."""

    batcher: Batcher
    run: JointChain
    out: "queue.SimpleQueue[tuple[Step, ...] | Exception | _End]" = field(
        default_factory=queue.SimpleQueue
    )
    unread: int = 0


class Worker:
    """Drives batchers on one thread, which starts with the first run and sleeps without any.

    Args:
        device: of the batchers' models.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        self._reset()
        if hasattr(os, "register_at_fork"):
            # A fork (a ZeroGPU call is one) copies the runs, but not the thread.
            os.register_at_fork(after_in_child=self._forget)

    def _reset(self) -> None:
        self._readers: dict[JointChain, _Reader] = {}
        # None wakes a thread that sleeps.
        self._commands: queue.SimpleQueue[tuple[Callable[[_Reader], None], _Reader] | None] = (
            queue.SimpleQueue()
        )
        self._exiting = False
        self._parked = threading.Event()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None

    def _forget(self) -> None:
        for reader in self._readers.values():
            reader.batcher.leave(reader.run)
        self._reset()

    @property
    def num_runs(self) -> int:
        """Return the number of runs of all models, including paused ones."""
        return len(self._readers)

    @property
    def alive(self) -> bool:
        """Return whether the thread is running, or has not been needed yet."""
        return self._failure is None and (self._thread is None or self._thread.is_alive())

    def stream(self, batcher: Batcher, run: JointChain) -> Generator[tuple[Step, ...], None, None]:
        """Yield the steps of a run, iteration by iteration; `close()` to cancel it.

        Args:
            batcher: of the run's model; only this worker may drive it.
            run: not started yet.

        Raises:
            Exception: as raised by the run's samplers or its model, or by the device, which ends
                all runs of this worker.
        """
        reader = _Reader(batcher, run)
        self._post(self._join, reader)
        try:
            while not isinstance(item := reader.out.get(), _End):
                if isinstance(item, Exception):
                    raise item
                self._post(self._read, reader)
                yield item
        finally:
            self._post(self._close, reader)

    def _post(self, command: Callable[[_Reader], None], reader: _Reader) -> None:
        self._commands.put((command, reader))
        with self._start:
            if self._thread is None:
                name = f"sampler {self.device}"
                self._thread = threading.Thread(target=self._drive, name=name, daemon=True)
                self._thread.start()
                atexit.register(self._park)
        if self._failure is not None:
            reader.out.put(self._failure)

    def _drive(self) -> None:
        """Run the main loop. An exception that ends it goes to the readers of all runs."""
        try:
            make_current(self.device)
            self._loop()
        except Exception as error:
            # From here on `_post` answers; commands that came before are answered below.
            self._failure = error
            for reader in self._readers.values():
                reader.batcher.leave(reader.run)
                reader.out.put(error)
            self._readers.clear()
            while not self._commands.empty():
                if (posted := self._commands.get()) is not None:
                    posted[1].out.put(error)
            raise

    def _loop(self) -> None:
        """Process commands, then step every active batcher, and repeat."""
        fence = None
        if torch.device(self.device).type == "cuda":
            fence = torch.cuda.Event()  # type: ignore[no-untyped-call]
        while not self._exiting:
            self._process_commands()
            self._step_all()
            if fence is not None:
                # One step behind: the GPU never idles, and its queue stays short.
                fence.synchronize()
                fence.record()
        self._parked.set()

    def _park(self) -> None:
        """Stop the thread between two steps: torch aborts a process that ends within one."""
        self._exiting = True
        if self._thread is not None and self._thread.is_alive():
            self._commands.put(None)
            self._parked.wait(EXIT_SECONDS)

    def _process_commands(self) -> None:
        """Process pending commands; block until there is one if no run is active."""
        idle = not any(reader.batcher.num_runs for reader in self._readers.values())
        while idle or not self._commands.empty():
            posted = self._commands.get()
            if posted is not None:
                command, reader = posted
                command(reader)
            idle = False

    def _step_all(self) -> None:
        # Not in `_loop`: its variables would keep a dropped model in memory while it waits.
        for batcher in {id(s.batcher): s.batcher for s in self._readers.values()}.values():
            if batcher.num_runs:
                self._step(batcher)

    def _step(self, batcher: Batcher) -> None:
        try:
            progress = batcher.step()
        except Exception as error:
            # The error of the model goes to the readers of this batch; other runs continue.
            for run in batcher.batch:
                batcher.leave(run)
                self._readers[run].out.put(error)
            return
        for run, steps, failure, finished in progress:
            reader = self._readers[run]
            if failure is not None:
                reader.out.put(failure)
            if steps is not None:
                reader.unread += 1
                reader.out.put(steps)
            if finished:
                reader.out.put(_End())
            elif reader.unread >= AHEAD:
                batcher.pause(run)

    def _join(self, reader: _Reader) -> None:
        try:
            reader.batcher.join(reader.run)
        except Exception as error:
            reader.out.put(error)
            return
        self._readers[reader.run] = reader

    def _read(self, reader: _Reader) -> None:
        reader.unread -= 1
        reader.batcher.pause(reader.run, paused=False)

    def _close(self, reader: _Reader) -> None:
        reader.batcher.leave(reader.run)
        self._readers.pop(reader.run, None)


class Workers:
    """One worker for each device; each run is computed on one of them.

    Args:
        devices: their names, all different.
    """

    def __init__(self, devices: Sequence[str]) -> None:
        self._workers = tuple(Worker(device) for device in devices)
        self._reset()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        # Reentrant: the garbage collector may close an abandoned run while the lock is held.
        self._lock = threading.RLock()
        self._placed: Counter[str] = Counter()

    @property
    def by_device(self) -> dict[str, int]:
        """Return the number of runs on each device, including paused ones."""
        return {worker.device: worker.num_runs for worker in self._workers}

    @property
    def num_runs(self) -> int:
        """Return the number of runs on all devices."""
        return sum(self.by_device.values())

    @property
    def ended(self) -> list[str]:
        """Return the devices whose thread has ended; runs are not placed there any more."""
        return [worker.device for worker in self._workers if not worker.alive]

    @contextmanager
    def place(self) -> Iterator[Worker]:
        """Reserve a place for a run on the device with the fewest, the first of several.

        A run has its place from here on, before it joins, so that runs that start at the same time
        are spread evenly.

        Raises:
            RuntimeError: if the threads of all devices have ended.
        """
        with self._lock:
            alive = [worker for worker in self._workers if worker.alive]
            if not alive:
                raise RuntimeError("the sampler's threads have ended; restart the program")
            worker = min(alive, key=lambda worker: self._placed[worker.device])
            self._placed[worker.device] += 1
        try:
            yield worker
        finally:
            with self._lock:
                self._placed[worker.device] -= 1
