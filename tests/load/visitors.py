"""Visitors as programs: real gradio clients, each with a time limit of its own."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from gradio_client import Client

PATIENCE = 120
"""Seconds that a run may take; gradio's own clients wait for ever in some cases."""
LONG = {"model": "field64", "num_steps": 2000, "num_images": 2}
"""A run that nobody sees to its end."""
VANISHING = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
from gradio_client import Client

def visit(i):
    job = Client({url!r}, verbose=False).submit(**{run!r}, seed=i, api_name="/compare")
    while not job.outputs():
        time.sleep(0.05)

with ThreadPoolExecutor({count}) as pool:
    list(pool.map(visit, range({count})))
print("under way", flush=True)
time.sleep(300)
"""


@dataclass
class Run:
    """What a visitor got."""

    request: dict
    steps: list = field(default_factory=list)
    first: float | None = None  # seconds to the first frame
    error: str | None = None


def finish(job, request, *, until=None):
    """Follow a run to its end, or to the moment that `until` names, and never longer."""
    run, start = Run(request), time.monotonic()
    while not job.done():
        if run.first is None and job.outputs():
            run.first = time.monotonic() - start
        if until is not None and until(job):
            return run
        if time.monotonic() - start > PATIENCE:
            run.error = f"no end after {PATIENCE} s"
            return run
        time.sleep(0.03)
    error = job.exception(timeout=1)
    run.error = None if error is None else repr(error)
    run.steps = job.outputs()
    run.first = run.first if run.first is not None else time.monotonic() - start
    return run


def watch(url, requests):
    """A visitor who sees every run to its end."""
    client = Client(url, verbose=False)
    try:
        return [finish(client.submit(**r, api_name="/compare"), r) for r in requests]
    finally:
        client.close()


def stop(url, requests):
    """A visitor who presses Stop as soon as something is to be seen."""
    client = Client(url, verbose=False)
    runs = []
    for request in requests:
        job = client.submit(**request, api_name="/compare")
        runs.append(finish(job, request, until=lambda job: len(job.outputs()) > 1))
        job.cancel()
    client.close()
    return runs


class Vanishing:
    """Visitors in a process of their own, which is killed with their runs under way."""

    def __init__(self, url, count):
        program = VANISHING.format(url=url, run=LONG, count=count)
        self.process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)

    def wait(self):
        """Wait until all of their runs are under way."""
        assert self.process.stdout.readline().strip() == b"under way"

    def vanish(self):
        self.process.kill()
        self.process.wait()


def together(work):
    """Do all of this at once, each in a thread, and return what came out."""
    with ThreadPoolExecutor(len(work)) as pool:
        return [future.result() for future in [pool.submit(f, *args) for f, *args in work]]
