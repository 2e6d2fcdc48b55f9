"""Walk through the Dockerfile without Docker: python -m tests.dockerfile_steps [--install].

Copies what COPY would copy, and starts CMD as USER with ENV, every path of the container moved into
a fresh folder and, where this machine allows it, everything but /scratch read-only. Then it opens
the page, runs a comparison, and lists what was written. With --install it also makes a virtual
environment and runs the pip steps in it, which takes minutes and the network.
"""

import argparse
import fnmatch
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
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRATCH = "/scratch"
PATIENCE = 120
READ_ONLY = (
    "mount --bind / / && mount -o remount,ro,bind / && mount -t tmpfs -o uid={uid} none {scratch}"
)


@dataclass
class Image:
    """What the steps have made so far.

    root: folder that stands for the container's /.
    """

    root: Path
    arguments: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: int = 0
    command: list[str] = field(default_factory=list)
    python: str = sys.executable
    unproved: list[str] = field(default_factory=list)

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


def ignored(patterns: list[str], path: str) -> bool:
    """Return whether .dockerignore leaves a path out."""
    parts = path.split("/")
    ancestors = ["/".join(parts[: i + 1]) for i in range(len(parts))]
    return any(
        fnmatch.fnmatch(each, p) or (p.startswith("**/") and fnmatch.fnmatch(each, "*" + p[2:]))
        or (p.startswith("**/") and fnmatch.fnmatch(each, p[3:]))
        for each in ancestors
        for p in patterns
    )  # fmt: skip


def copied(image: Image, source: str, target: str) -> None:
    """Do a COPY, with .dockerignore."""
    patterns = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    base = image.root / image.workdir.lstrip("/") / target
    tracked = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    ).stdout.split("\n")
    for path in filter(None, tracked):
        wanted = path == source or source == "."
        if wanted and (ROOT / path).is_file() and not ignored(patterns, path):
            (base / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, base / path)


def build(image: Image, *, install: bool) -> None:
    """Take every step that can be taken here."""
    for name, rest in instructions((ROOT / "Dockerfile").read_text(encoding="utf-8")):
        if name == "ARG":
            key, _, value = rest.partition("=")
            image.arguments[key] = " ".join(shlex.split(value))
        elif name == "ENV":
            image.environment |= dict(word.split("=", 1) for word in shlex.split(rest))
        elif name == "WORKDIR":
            image.workdir = rest
            (image.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif name == "COPY":
            copied(image, *rest.split())
        elif name == "USER":
            image.user = int(rest)
        elif name == "CMD":
            image.command = json.loads(rest)
        elif name == "RUN" and "pip install" in rest and install:
            installed(image, rest)
        else:
            image.unproved.append(f"{name} {rest}")


def installed(image: Image, step: str) -> None:
    """Run a pip step in a virtual environment of the image."""
    home = image.root / "venv"
    if not home.exists():
        venv.create(home, with_pip=True)
        image.python = str(home / "bin" / "python")
    path = f"{home / 'bin'}:{os.environ['PATH']}"
    cwd = image.root / image.workdir.lstrip("/")
    environment = os.environ | image.arguments | {"PATH": path}
    subprocess.run(["bash", "-ec", step], cwd=cwd, env=environment, check=True)


def can_mount() -> bool:
    """Return whether this machine lets a process see its own read-only file system."""
    if os.geteuid() or not shutil.which("unshare") or not shutil.which("setpriv"):
        return False
    probe = "mount --bind / / && mount -o remount,ro,bind /"
    return not subprocess.run(["unshare", "-m", "sh", "-c", probe], capture_output=True).returncode


@contextmanager
def started(image: Image, log: Path) -> Iterator[tuple[str, bool, float, int]]:
    """Run CMD; yield the address, whether it was read-only, the seconds to an answer, its id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    scratch = image.root / SCRATCH.lstrip("/")
    scratch.mkdir(exist_ok=True)
    environment = {key: image.moved(value) for key, value in image.environment.items()}
    environment |= {"PATH": os.environ["PATH"], "GRADIO_SERVER_PORT": port, "OMP_NUM_THREADS": "2"}
    command = [image.python if word == "python" else word for word in image.command]
    options: dict[str, int] = {}
    if read_only := can_mount():
        mounts = READ_ONLY.format(uid=image.user, scratch=shlex.quote(str(scratch)))
        drop = f"setpriv --reuid={image.user} --regid={image.user} --clear-groups"
        line = f"{mounts} && exec {drop} {shlex.join(command)}"
        command = ["unshare", "-m", "bash", "-c", line]
    elif not os.geteuid():
        os.chown(scratch, image.user, image.user)
        options = {"user": image.user, "group": image.user}
    cwd = image.root / image.workdir.lstrip("/")
    start = time.monotonic()
    with log.open("wb") as out:
        server = subprocess.Popen(
            command, cwd=cwd, env=environment, stdout=out, stderr=out, **options
        )
    try:
        url = f"http://127.0.0.1:{port}"
        while not answers(url):
            if server.poll() is not None or time.monotonic() - start > PATIENCE:
                raise RuntimeError(f"CMD served no page:\n{log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield url, read_only, time.monotonic() - start, server.pid
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


def walk(*, install: bool = False) -> dict[str, object]:
    """Take the steps and return what was seen."""
    from gradio_client import Client

    with tempfile.TemporaryDirectory(prefix="dockerfile") as folder:
        image = Image(Path(folder) / "root")
        image.root.mkdir()
        os.chmod(folder, 0o755)
        build(image, install=install)
        with started(image, Path(folder) / "log") as (url, read_only, seconds, pid):
            status = Path(f"/proc/{pid}/status")
            uid = status.read_text().split("Uid:")[1].split()[0] if status.exists() else ""
            client = Client(url, verbose=False)
            steps = list(client.submit(num_steps=3, num_images=1, api_name="/compare"))
            # The folder is a mount of the server's own: only it sees what lies there.
            scratch = Path(f"/proc/{pid}/root{image.root}{SCRATCH}")
            written = [str(p.relative_to(scratch)) for p in scratch.rglob("*") if p.is_file()]
            return {
                "uid": uid,
                "read_only": read_only,
                "seconds": seconds,
                "iterations": [step["iteration"] for step in steps],
                "healthz": answers(url + "/healthz"),
                "written": sorted(written),
                "megabytes": sum(p.stat().st_size for p in image.root.rglob("*") if p.is_file())
                / 1e6,
                "unproved": image.unproved,
            }


def main() -> None:
    """Print what was seen and what was not."""
    parser = argparse.ArgumentParser(description="Walk through the Dockerfile without Docker.")
    parser.add_argument("--install", action="store_true", help="run the pip steps as well")
    seen = walk(install=parser.parse_args().install)
    unproved = seen.pop("unproved")
    for name, value in seen.items():
        print(f"{name}: {value}")
    print("Not proved here:")
    for step in [*unproved, "the base image, and that its Python is this one"]:
        print(f"  {step}")


if __name__ == "__main__":
    main()
