"""The kind of a file is recognized by its content; the error for other files names the kind."""

import bz2
import gzip
import io
import json
import pickle
import tarfile
import zipfile

import numpy as np
import pytest
import torch

from pds.scores import checkpoints
from tests.support.checkpoints import CARD, published, refusal, write_pth


def saved(**options):
    buffer = io.BytesIO()
    torch.save({"model": {"a": torch.ones(3)}}, buffer, **options)
    return buffer.getvalue()


def zipped(name, content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def tarred(content):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("a.pth")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def numpy_file(write):
    buffer = io.BytesIO()
    write(buffer, np.ones(3))
    return buffer.getvalue()


def scripted():
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), buffer)
    return buffer.getvalue()


PAGE = "<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head>"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
OTHERS = {
    "page": (PAGE.encode() + b" " * 9000, "a web page, not a checkpoint"),
    "latin page": ("\n <!-- é -->\n<HTML lang='fr'>".encode("latin-1"), "a web page"),
    "xhtml": (b'<?xml version="1.0"?>\n<html xmlns="">', "a web page"),
    "cut letter": (PAGE.encode() + b" " * (4095 - len(PAGE)) + "é".encode(), "a web page"),
    "xml": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "AccessDenied"),
    "json": (b'{"error": "Repository not found"}', "a JSON text that begins with"),
    "text": (b"Entry not found", "'Entry not found'"),
    "utf-16": ("Not found".encode("utf-16"), "'Not found'"),
    "lfs": (POINTER, "a Git LFS pointer"),
    "annex": (b"/annex/objects/SHA256E-s100--ab.pth\n", "a git-annex pointer"),
    "empty": (b"", "an empty file"),
    "blank": (b"\n\n", "blanks"),
    "zeros": (bytes(5000), "begins with zeros"),
    "bytes": (b"\xf5\xb1\x65\x22" * 9, "begins with the bytes f5 b1 65 22"),
    "gzip": (gzip.compress(saved()), "a gzip archive"),
    "bzip2": (bz2.compress(saved()), "a bzip2 archive"),
    "tar": (tarred(saved()), "a tar archive"),
    "zip": (zipped("run/a.pth", saved()), "a zip archive with run/a.pth in it"),
    "other zip": (zipped("readme.txt", "x"), "a zip archive without a checkpoint"),
    "npz": (numpy_file(lambda file, array: np.savez(file, a=array)), "a .npz of numpy arrays"),
    "npy": (numpy_file(np.save), "an array of numpy"),
    "keras": (zipped("model.weights.h5", b"x"), "a model of Keras"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(90), "an HDF5 file"),
    "flax": (b"\x87\xa4step\xce\x00\x01\x38\x80\xa9optimizer" + bytes(50), "a checkpoint of JAX"),
    "onnx": (b"\x08\x08\x12\x07pytorch\x1a\x052.0.0", "an ONNX model"),
    "tensorflow": (b"\x08\x01\x12\xff" + bytes(50), "a SavedModel of TensorFlow"),
    "torchscript": (scripted(), "a program of TorchScript"),
    "pickle": (pickle.dumps({"a": 1}, protocol=2), "a pickle of Python"),
    "pickle 0": (pickle.dumps({"a": 1}, protocol=0), "a pickle of Python"),
    "protocol 4": (saved(pickle_protocol=4), "written with pickle protocol 4"),
    "index": (json.dumps({"weight_map": {}}).encode(), "the index of weights in several files"),
    "config": (json.dumps({"_class_name": "UNet2DModel"}).encode(), "a configuration of diffusers"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(50), "a PNG image"),
}


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors", "a"])
@pytest.mark.parametrize("kind", OTHERS)
def test_another_kind_of_file_is_named(tmp_path, kind, name):
    content, words = OTHERS[kind]
    path = tmp_path / name
    path.write_bytes(content)
    sentence = refusal(path)
    assert words in sentence
    assert "weights_only" not in sentence


def test_a_link_to_nothing_says_where_it_leads(tmp_path):
    (tmp_path / "a.pth").symlink_to(".git/annex/objects/x/SHA256E-ab.pth")
    with pytest.raises(FileNotFoundError, match=r"a link to \.git/annex.* git annex get"):
        checkpoints.load(tmp_path / "a.pth", CARD)


def test_a_folder_is_no_checkpoint_file(tmp_path):
    assert "is a folder; name one checkpoint file in it" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["a.pth", "a.bin", "a.safetensors", "checkpoint"])
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "plain"])
def test_what_torch_saved_is_read_under_any_name(tmp_path, score, name, zipped):
    path = tmp_path / name
    torch.save(published(score), path, _use_new_zipfile_serialization=zipped)
    assert checkpoints.load(path, CARD).card == CARD


def test_safetensors_are_read_under_any_name(tmp_path, score):
    checkpoints.save(tmp_path / "a.pth", score)
    assert checkpoints.load(tmp_path / "a.pth").card == CARD


def test_a_file_that_may_not_be_read_is_no_damaged_one(tmp_path, score, monkeypatch):
    path = write_pth(tmp_path / "a.pth", published(score))

    def closed(*_arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", closed)
    with pytest.raises(OSError, match=r"cannot read .*a\.pth \(Permission denied\)"):
        checkpoints.load(path, CARD)
