"""Atomic writes of files, and fingerprints that agree with older folders."""

import errno
import os

import numpy as np
import pytest
import torch

from pds.evaluation import subject
from pds.files.arrays import read_npz, to_npz
from pds.files.digest import digest
from pds.files.shipped import ROOT, resolve_path, shipped_name
from pds.files.writing import whole, write


def test_a_file_and_its_folders_are_written(tmp_path):
    write(tmp_path / "a" / "b" / "file", b"content")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"content"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_a_body_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "file"
    write(path, b"old")
    with pytest.raises(type(error)), whole(path) as partial:
        partial.write_bytes(b"half of the new")
        raise error
    assert os.listdir(tmp_path) == ["file"] and path.read_bytes() == b"old"


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match=r"cannot write .*file/inside .*run the command again"):
        write(tmp_path / "file" / "inside", b"content")


def test_the_next_write_replaces_what_a_killed_process_left(tmp_path):
    (tmp_path / ".file.part").write_bytes(b"half")
    write(tmp_path / "file", b"whole")
    assert os.listdir(tmp_path) == ["file"]


def test_named_arrays_come_back(tmp_path):
    write(tmp_path / "a.npz", to_npz(x=np.arange(3), n=7, name="text"))
    arrays = read_npz(tmp_path / "a.npz")
    assert arrays["x"].tolist() == [0, 1, 2] and int(arrays["n"]) == 7
    assert str(arrays["name"]) == "text"


def test_the_digest_of_tensors_and_texts_is_the_recorded_one():
    # Recorded with sha256 over the same bytes, before `digest` had a module of its own.
    parts = [torch.arange(6.0).reshape(2, 3), "text", torch.ones(2, dtype=torch.float64)]
    assert digest(parts) == "f5180c35d89b13ed6897ac176d2c0038"


def test_folders_of_evaluations_of_the_first_version_continue():
    model = subject.open_subject("portraits32", None, torch.device("cpu"))
    assert model.fingerprint == "c613e4cc0106b2546d858d7748dcc46c"


def test_a_shipped_file_has_a_short_name_unless_another_file_has_it(tmp_path, monkeypatch):
    """`pds show` printed the place of the package in the path of a shipped file."""
    monkeypatch.chdir(tmp_path)
    name = "configs/ve/portraits32_ncsnpp.py"
    assert shipped_name(resolve_path(name)) == name
    write(tmp_path / name, b"another file")
    assert shipped_name(str(ROOT / name)) == str(ROOT / name)
    assert shipped_name(str(tmp_path / name)) == str(tmp_path / name)
