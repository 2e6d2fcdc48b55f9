"""The Dockerfile's instructions, and the files of the checkout that its image holds."""

import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from tests.support.paths import ROOT


def instructions() -> dict[str, str]:
    """Return the rest of the last instruction of each name, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    parts = (
        line.strip().partition(" ") for line in "\n".join(lines).replace("\\\n", "").split("\n")
    )
    return {name: rest for name, _, rest in parts}


def ignored(path: str) -> bool:
    """Return whether .dockerignore excludes a file."""
    parts = path.split("/")
    prefixes = ["/".join(parts[: i + 1]) for i in range(len(parts))]
    return any(
        fnmatch(name, pattern.removeprefix("**/"))
        for pattern in (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
        for name in (parts if pattern.startswith("**/") else prefixes)
    )


def files() -> Iterator[Path]:
    """Yield what `COPY . ./` copies from a clean checkout, relative to its root."""
    listed = ["git", "ls-files", "-co", "--exclude-standard"]
    done = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True)
    for path in done.stdout.splitlines():
        if (ROOT / path).is_file() and not ignored(path):
            yield Path(path)
