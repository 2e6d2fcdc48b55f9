"""The files of a folder, of the zip archives in it, or of one archive.

Links to folders and files are followed; a file that is reached twice counts once. Hidden files,
system files in folders and archives, and the labels of EDM's data sets are skipped.
"""

import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from pds.files.rasters import DAMAGE
from pds.files.unread import Reason, Unread

PASSED_OVER = {"__MACOSX", "Thumbs.db", "desktop.ini", "dataset.json"}
ARCHIVES = (".zip", ".cbz")

CLOSED = Reason("path", " that cannot be opened", "change the permissions, or mend the links")
DAMAGED = Reason("damaged archive", advice="copy {it} again")
LOCKED = Reason("file", " behind a password", "unpack the archive")


class Entry(NamedTuple):
    """A file: its name in sentences, and how to open it.

    open raises `Unread` or OSError.
    """

    name: str
    open: Callable[[], IO[bytes]]


def entries(source: Path) -> Iterator[Entry]:
    """Yield the files of a folder or an archive in the order of their names, or the one file."""
    if source.is_dir():
        paths = _files(source)
    elif zipfile.is_zipfile(source):
        yield from _archived(source, "")
        return
    else:
        paths = iter([source])
    root = source if source.is_dir() else source.parent
    for path in paths:
        name = os.fsencode(path.relative_to(root)).decode("utf-8", "backslashreplace")
        if path.suffix.lower() not in ARCHIVES:
            yield Entry(name, _opener(path))
        elif zipfile.is_zipfile(path):
            yield from _archived(path, f"{name}/")
        else:
            yield Entry(name, _raising(DAMAGED))


def _opener(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: path.open("rb")


def _raising(reason: Reason) -> Callable[[], IO[bytes]]:
    def refuse() -> IO[bytes]:
        raise Unread(reason)

    return refuse


def _files(folder: Path) -> Iterator[Path]:
    """Yield each regular file below a folder once, and folders that cannot be opened."""
    paths: list[Path] = []
    seen = {os.path.realpath(folder)}
    walk = os.walk(folder, followlinks=True, onerror=lambda e: paths.append(Path(e.filename)))
    for place, folders, names in walk:
        visible = sorted(filter(_visible, folders))
        folders[:] = [n for n in visible if _new(os.path.join(place, n), seen)]
        paths += [Path(place, n) for n in names if _visible(n)]
    for path in sorted(paths):
        if (path.is_file() or path.is_dir() or path.is_symlink()) and _new(path, seen):
            yield path


def _visible(name: str) -> bool:
    return not name.startswith(".") and name not in PASSED_OVER


def _new(path: str | Path, seen: set[str]) -> bool:
    """Return whether a file or folder is new: links may reach one several times."""
    real = os.path.realpath(path)
    known = real in seen
    seen.add(real)
    return not known


def _archived(path: Path, prefix: str) -> Iterator[Entry]:
    """Yield the files of an archive, which stays open meanwhile."""
    try:
        with zipfile.ZipFile(path) as archive:
            for info in sorted(archive.infolist(), key=lambda info: info.filename):
                if info.is_dir() or not all(map(_visible, PurePosixPath(info.filename).parts)):
                    continue
                if info.flag_bits & 1:
                    yield Entry(prefix + info.filename, _raising(LOCKED))
                else:
                    yield Entry(prefix + info.filename, _member(archive, info))
    except DAMAGE:
        yield Entry(prefix.rstrip("/") or path.name, _raising(DAMAGED))


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    def member() -> IO[bytes]:
        try:
            return archive.open(info)
        except zipfile.BadZipFile:
            raise Unread(DAMAGED) from None
        except NotImplementedError:
            raise Unread(
                Reason("file", " of an unusual compression", "unpack the archive")
            ) from None

    return member
