"""What the image holds, and its command, without Docker: python -m tests.dockerfile_steps.

Copies what COPY would copy, and starts CMD as USER with ENV, every path of the container moved into
a fresh folder and, where this machine allows it, everything but /scratch read-only. Then it runs a
comparison, and lists what was written. What the image is made from is checked by hadolint alone.
"""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from tests.support.paths import ROOT

SCRATCH = "scratch"
PATIENCE = 120
NEW_ROOT = "mount --bind / / && mount -o remount,ro,bind /"


@dataclass(frozen=True)
class Image:
    """What the Dockerfile says of the container.

    root: folder that stands for the container's /.
    copies: sources and targets of COPY, in order.
    """

    root: Path
    environment: dict[str, str]
    workdir: str
    copies: list[tuple[str, str]]
    user: int
    command: list[str]

    def moved(self, text: str) -> str:
        """Move the container's own folders in a text to where they are here."""
        return re.sub(r"(?<![\w.])/(scratch|app)\b", lambda m: f"{self.root}/{m[1]}", text)


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the rest of each instruction, continued lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield name, rest.strip()


def read(root: Path) -> Image:
    """Read the Dockerfile."""
    steps = list(instructions((ROOT / "Dockerfile").read_text(encoding="utf-8")))
    last = dict(steps)
    return Image(
        root,
        environment=dict(word.split("=", 1) for word in shlex.split(last["ENV"])),
        workdir=last["WORKDIR"].lstrip("/"),
        copies=[(rest.split()[0], rest.split()[1]) for name, rest in steps if name == "COPY"],
        user=int(last["USER"]),
        command=json.loads(last["CMD"]),
    )


def ignored(patterns: list[str], path: str) -> bool:
    """Return whether .dockerignore leaves a path out."""
    parts = path.split("/")
    return any(
        fnmatch(part if p.startswith("**/") else "/".join(parts[: i + 1]), p.removeprefix("**/"))
        for i, part in enumerate(parts)
        for p in patterns
    )


def copy(image: Image) -> None:
    """Do each COPY, with .dockerignore."""
    patterns = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    listed = ["git", "ls-files", "-co", "--exclude-standard"]
    done = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [path for path in done.stdout.splitlines() if (ROOT / path).is_file()]
    for source, target in image.copies:
        base = image.root / image.workdir / target
        for path in paths:
            if source in (path, ".") and not ignored(patterns, path):
                (base / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / path, base / path)


def can_mount() -> bool:
    """Return whether this machine lets a process see its own read-only file system."""
    if os.geteuid() or not shutil.which("unshare") or not shutil.which("setpriv"):
        return False
    return not subprocess.run(
        ["unshare", "-m", "sh", "-c", NEW_ROOT], capture_output=True
    ).returncode


def restricted(image: Image, scratch: Path) -> list[str]:
    """Return CMD as USER, on a file system that is read-only but for the scratch folder."""
    mounts = f"{NEW_ROOT} && mount -t tmpfs -o uid={image.user} none {shlex.quote(str(scratch))}"
    user = f"setpriv --reuid={image.user} --regid={image.user} --clear-groups"
    command = shlex.join(_here(image.command))
    return ["unshare", "-m", "bash", "-c", f"{mounts} && exec {user} {command}"]


def _here(command: list[str]) -> list[str]:
    return [sys.executable if word == "python" else word for word in command]


@contextmanager
def started(image: Image, log: Path) -> Iterator[tuple[str, bool, int]]:
    """Run CMD; yield the address, whether the file system was read-only, and the process's id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    scratch = image.root / SCRATCH
    scratch.mkdir()
    environment = {key: image.moved(value) for key, value in image.environment.items()}
    environment |= {"PATH": os.environ["PATH"], "GRADIO_SERVER_PORT": port, "OMP_NUM_THREADS": "2"}
    command, options = _here(image.command), {}
    if read_only := can_mount():
        command = restricted(image, scratch)
    elif not os.geteuid():
        os.chown(scratch, image.user, image.user)
        options = {"user": image.user, "group": image.user}
    cwd = image.root / image.workdir
    with log.open("wb") as out:
        server = subprocess.Popen(
            command, cwd=cwd, env=environment, stdout=out, stderr=out, **options
        )
    try:
        url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + PATIENCE
        while not answers(url):
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"CMD served no page:\n{log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield url, read_only, server.pid
    finally:
        server.terminate()
        server.wait(10)


def answers(url: str) -> bool:
    """Return whether an address is there."""
    try:
        urllib.request.urlopen(url, timeout=5).close()
        return True
    except (urllib.error.URLError, OSError):
        return False


def walk() -> dict[str, object]:
    """Start the container's command, run a comparison, and return what was seen."""
    from gradio_client import Client

    with tempfile.TemporaryDirectory(prefix="dockerfile") as folder:
        os.chmod(folder, 0o755)
        image = read(Path(folder) / "root")
        copy(image)
        with started(image, Path(folder) / "log") as (url, read_only, pid):
            status = Path(f"/proc/{pid}/status")
            uid = status.read_text().split("Uid:")[1].split()[0] if status.exists() else ""
            client = Client(url, verbose=False)
            steps = list(client.submit(num_steps=3, num_images=1, api_name="/compare"))
            # The folder is a mount of the server's own: only it sees what lies there.
            scratch = Path(f"/proc/{pid}/root{image.root}/{SCRATCH}")
            written = [str(p.relative_to(scratch)) for p in scratch.rglob("*") if p.is_file()]
            return {
                "uid": uid,
                "read_only": read_only,
                "iterations": [step["iteration"] for step in steps],
                "written": sorted(written),
                "megabytes": sum(p.stat().st_size for p in image.root.rglob("*") if p.is_file())
                / 1e6,
            }


if __name__ == "__main__":
    for name, value in walk().items():
        print(f"{name}: {value}")
