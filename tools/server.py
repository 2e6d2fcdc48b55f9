"""app.py in a separate process, which can be killed and restarted at the same address."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import nullcontext
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 300
"""Seconds that app.py may take to answer or to end; a machine may be busy with something else."""


def free_port() -> int:
    """Return a port of this machine that nothing uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A server on a free port of this machine.

    Args:
        log: file that takes what it writes; None leaves it to this process's own output.
        environment: added to that of this process.
        folder: checkout whose app.py is started.
    """

    def __init__(
        self,
        log: Path | None = None,
        environment: dict[str, str] | None = None,
        *,
        folder: Path = ROOT,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log, self._environment, self._folder = log, environment or {}, folder
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            RuntimeError: if it does not.
        """
        environment = os.environ | self._environment | {
            "GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(self.port),
        }  # fmt: skip
        with self._log.open("ab") if self._log else nullcontext() as log:
            self.process = subprocess.Popen(
                [sys.executable, "app.py"],
                cwd=self._folder,
                env=environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.url}/healthz", timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        self.kill()
        raise RuntimeError(f"app.py ended, or did not answer within {PATIENCE} seconds")

    def kill(self) -> None:
        """Kill it, as the system does when memory runs out."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Terminate it and wait for its end."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(PATIENCE)
            self.process = None
