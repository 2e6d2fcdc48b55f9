"""The folders that pds writes to, and the space in them."""

import os
import shutil
import tempfile
from pathlib import Path

from pds.commands.doctor.section import Progress, Section, imported

LEAST = 100 * 2**20
"""Free bytes of the temporary folder that a page with some visitors needs."""


def check(progress: Progress) -> Section:
    """Report the temporary folder, the cache of the hub and the current folder."""
    progress("folders")
    section = Section("folders")
    try:
        temporary = Path(tempfile.gettempdir())
    except FileNotFoundError:
        section.problems.append(
            "no temporary folder can be written to, which the page and downloads need: set TMPDIR "
            "to one that can"
        )
    else:
        section.facts["temporary"] = _described(temporary)
        section.problems.extend(_space_problem(temporary))
    hub, _ = imported("huggingface_hub.constants")
    if hub is not None:
        cache = Path(hub.HF_HUB_CACHE)
        section.facts["cache_of_the_hub"] = _described(cache)
        if not writable(cache):
            section.problems.append(
                f"{cache}, where checkpoints of the hub are kept, cannot be written to: set "
                "HF_HOME to a folder that can"
            )
    section.facts["current"] = _described(Path.cwd())
    return section


def writable(folder: Path) -> bool:
    """Return whether files can be made in a folder, or the folder itself if it is not there."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)


def _described(folder: Path) -> str:
    return f"{folder}, {'writable' if writable(folder) else 'cannot be written to'}"


def _space_problem(folder: Path) -> list[str]:
    free = shutil.disk_usage(folder).free
    if free >= LEAST:
        return []
    return [
        f"{folder} has {free / 2**20:.0f} MiB of free space, the page needs at least "
        f"{LEAST / 2**20:.0f}: free some, or set TMPDIR to another folder"
    ]
