"""Two simultaneous runs in one folder."""

import errno
import os
import subprocess
import sys

import pytest

from pds.jobs import claim
from pds.jobs.claim import claimed
from tests.support import tiny_run
from tests.support.paths import ROOT
from tests.support.tiny_run import draw


@pytest.fixture
def folder(tmp_path):
    return tiny_run.workdir(tmp_path / "w")


def test_a_folder_that_is_being_drawn_into_is_refused_and_taken_later(folder, capsys):
    (folder / "eval").mkdir()
    with claimed(folder / "eval", shared=False):
        assert draw(folder) == 2
        error = capsys.readouterr().err
        assert (
            error.startswith("main.py: another process is sampling into") and error.count("\n") == 1
        )
        assert not list((folder / "eval").iterdir())
    assert draw(folder) == 0


def test_another_folder_of_the_workdir_is_free(folder):
    (folder / "eval").mkdir()
    with claimed(folder / "eval", shared=False):
        assert draw(folder, "--eval_folder", "other") == 0


def test_runs_of_one_image_each_share_a_folder(folder):
    (folder / "eval").mkdir()
    with claimed(folder / "eval", shared=True):
        assert draw(folder, "--only", "1") == 0
        assert draw(folder) == 2
    with claimed(folder / "eval", shared=False):
        assert draw(folder, "--only", "2") == 2


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF])
def test_a_file_system_without_locks_is_drawn_into(folder, monkeypatch, code):
    def flock(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(claim.fcntl, "flock", flock)
    assert draw(folder) == 0


def test_a_system_without_locks_is_drawn_into(folder, monkeypatch):
    monkeypatch.setattr(claim, "fcntl", None)
    assert draw(folder) == 0


def test_a_claim_ends_with_a_run_that_failed(folder, monkeypatch):
    assert draw(folder, "--freq_mask_path", "natural", "--num_samples", "1") == 0
    assert draw(folder) == 2
    with claimed(folder / "eval", shared=False):
        pass


@pytest.mark.parametrize("program", [["main.py"], ["-m", "pds", "sample"]], ids=" ".join)
def test_a_stop_while_torch_is_imported_is_one_sentence(folder, program):
    """The first import of torch is replaced by the signal that Ctrl-C sends."""
    # A shell's background jobs ignore Ctrl-C, and so would the program that a test starts there.
    (folder / "torch.py").write_text(
        "import os, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
    )
    done = subprocess.run(
        [sys.executable, *program, "--workdir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 130
    assert done.stderr.count("\n") == 1 and "stopped" in done.stderr
