"""The server under fuzz: app.py with a hook that reports forbidden operations.

Each report is a line AUDIT on stderr: a file opened for writing outside the app's own folder, a
class looked up by a pickle, a process started, a connection to another machine.
"""

import os
import runpy
import sys

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def watch(event: str, args: tuple) -> None:
    if event == "open":
        path, _, flags = args
        if not (flags & WRITES) or not isinstance(path, str | bytes | os.PathLike):
            return
        path = os.fsdecode(path)
        if path == os.devnull or path.startswith(os.environ["GRADIO_TEMP_DIR"]):
            return
        report(f"write {path}")
    elif event in ("os.mkdir", "os.rename", "os.symlink", "os.link", "shutil.move"):
        report(f"{event} {args[0]!r}")
    elif event in ("pickle.find_class", "subprocess.Popen", "os.system", "os.exec"):
        report(f"{event} {args!r}")
    elif event == "socket.connect" and isinstance(args[1], tuple) and not local(args[1][0]):
        report(f"connect {args[1]!r}")


def local(host: object) -> bool:
    return str(host).startswith("127.") or host in ("localhost", "::1", "0.0.0.0", "")


def report(what: str) -> None:
    if armed():
        sys.__stderr__.write(f"AUDIT {what}\n")
        sys.__stderr__.flush()


def armed() -> bool:
    """From the moment on at which the fuzzer says so; starting up may write caches."""
    return os.path.exists(os.environ["FUZZ_ARMED"])


if __name__ == "__main__":
    sys.addaudithook(watch)
    sys.path.insert(0, os.getcwd())
    runpy.run_path("app.py", run_name="__main__")
