"""The address of app.py, errors in it, and the systems on which it starts."""

import os
import socket
import subprocess
import sys

import pytest

import app
from pds.files.shipped import ROOT
from pds.serving import memory
from pds.web.server import journal, listening
from pds.web.server.listening import NAME, PORT, Address, address
from tools.server import free_port


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """An environment that names nothing, and comes back."""
    for name in (NAME, PORT, "no_proxy", "NO_PROXY", "GRADIO_NUM_PORTS"):
        monkeypatch.setenv(name, "")
    return monkeypatch


@pytest.fixture
def taken():
    """A port that is taken."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        yield other.getsockname()[1]


@pytest.mark.parametrize("port", ["abc", "0", "-1", "65536", "70000", "7860.5", "٣"])
def test_a_port_that_is_none_is_refused_with_its_value(environment, port):
    environment.setenv(PORT, port)
    with pytest.raises(ValueError, match=f"{PORT} must be a number from 1 to 65535, got '"):
        address()


def test_a_named_port_that_is_taken_is_not_exchanged_for_another(environment, taken):
    environment.setenv(PORT, str(taken))
    with pytest.raises(ValueError, match=f"{PORT}={taken}: Address already in use; choose another"):
        address()


def test_without_a_named_port_the_next_free_one_is_taken(environment, taken):
    environment.setattr(listening, "FIRST_PORT", taken)
    assert taken < address().port < taken + listening.NUM_PORTS


def unknown_host(*_, **__):
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_a_name_that_does_not_exist_is_refused(environment):
    """Without asking for it, which takes seconds where no name server answers."""
    environment.setattr(socket, "getaddrinfo", unknown_host)
    environment.setenv(NAME, "no.such.host.invalid")
    with pytest.raises(ValueError, match=f"cannot listen at {NAME}=no.such.host.invalid"):
        address()


def test_an_address_of_another_machine_is_refused(environment):
    environment.setenv(NAME, "192.0.2.1")  # reserved for documentation
    with pytest.raises(ValueError, match=f"cannot listen at {NAME}=192.0.2.1"):
        address()


@pytest.mark.parametrize("name", ["::1", "[::1]"])
def test_an_ipv6_address_is_taken_with_and_without_brackets(environment, name):
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    port = free_port()
    environment.setenv(NAME, name)
    environment.setenv(PORT, str(port))
    assert address() == Address("[::1]", port)


def test_the_server_asks_itself_past_a_proxy_of_the_environment(environment):
    environment.setenv("no_proxy", "example.org")
    address()
    assert os.environ["no_proxy"] == "example.org,localhost,127.0.0.1"


def launched(code, **environment):
    """Run code, and then app.py, which ends when it has answered."""
    program = (
        f"import sys; sys.argv = ['app.py']; sys.path.insert(0, {str(ROOT)!r})\n{code}\n"
        "import app; sys.exit(app.main())"
    )
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "OMP_NUM_THREADS": "1", PORT: str(free_port()), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


ANSWERED = """
import gradio, json, urllib.request
launch = gradio.Blocks.launch
def answer(page, **settings):
    launch(page, prevent_thread_lock=True, **settings)
    with urllib.request.urlopen(page.local_url + "healthz") as health:
        print("health", health.read().decode())
    from gradio_client import Client
    client = Client(page.local_url, verbose=False)
    run = client.submit("field64", 2, 5.0, True, False, 1, 0, False, api_name="/compare")
    print("iterations", len(list(run)))
gradio.Blocks.launch = answer
"""
WITHOUT_POSIX = """
import builtins, os, platform, signal, sys
import gradio, torch  # these know other systems by themselves
sys.modules["resource"] = None
for name in ("fork", "getuid", "geteuid", "sysconf", "register_at_fork", "sched_getaffinity"):
    delattr(os, name)
for name in ("SIGKILL", "SIGHUP", "SIGALRM", "alarm"):
    delattr(signal, name)
platform.libc_ver = lambda *_: ("", "")
opened, imported = builtins.open, builtins.__import__
def without_proc(path, *rest, **named):
    if str(path).startswith(("/proc", "/dev/shm")):
        raise FileNotFoundError(path)
    return opened(path, *rest, **named)
def without_posix(name, globals=None, *rest, **named):
    ours = str((globals or {}).get("__name__")).partition(".")[0] in ("pds", "app")
    if ours and name in ("fcntl", "pwd", "grp", "termios"):
        raise ModuleNotFoundError(name)
    return imported(name, globals, *rest, **named)
builtins.open, builtins.__import__ = without_proc, without_posix
sys.stdout.reconfigure(encoding="cp1252")
"""


@pytest.mark.slow
def test_it_runs_where_python_has_no_posix_modules():
    done = launched(WITHOUT_POSIX + ANSWERED, USER="somebody")
    assert done.returncode == 0, done.stderr
    assert "iterations 2" in done.stdout
    assert '"status":"ok"' in done.stdout
    assert '"memory"' not in done.stdout


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({PORT: "abc"}, f"{PORT} must be a number"),
        ({"GRADIO_ROOT_PATH": "ftp://x"}, "GRADIO_ROOT_PATH must be the path of the page"),
        ({"GRADIO_TEMP_DIR": "/dev/null/x"}, "GRADIO_TEMP_DIR must name a folder"),
    ],
)
def test_what_is_wrong_with_the_environment_is_one_sentence(
    environment, capsys, variables, message
):
    for name, value in variables.items():
        environment.setenv(name, value)
    environment.setattr("sys.argv", ["app.py"])
    environment.setattr(memory, "keep_large_blocks", lambda: None)  # for the whole process
    assert app.main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"app.py: {message}")


@pytest.mark.slow
def test_a_proxy_of_the_environment_is_not_used_for_this_machine():
    nowhere = dict.fromkeys(("http_proxy", "HTTP_PROXY"), "http://127.0.0.1:9")
    done = launched(ANSWERED, **nowhere)
    assert done.returncode == 0, done.stderr
    assert "iterations 2" in done.stdout


class Usage:
    """Stands for the module `resource`."""

    RUSAGE_SELF = 0

    def getrusage(self, _):
        return type("Figures", (), {"ru_maxrss": 3})


@pytest.mark.parametrize(
    ("module", "platform", "expected"),
    [(None, "win32", None), (Usage(), "darwin", 3), (Usage(), "freebsd14", 3 * 1024)],
)
def test_memory_is_measured_as_the_system_allows(monkeypatch, module, platform, expected):
    def missing(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", missing)
    monkeypatch.setattr(journal, "resource", module)
    monkeypatch.setattr(journal.sys, "platform", platform)
    resident = journal.resident()
    monkeypatch.undo()
    assert resident == expected


def test_health_leaves_out_what_it_cannot_measure(monkeypatch):
    monkeypatch.setattr(journal, "resident", lambda: None)
    assert "memory" not in journal.Journal().state()
