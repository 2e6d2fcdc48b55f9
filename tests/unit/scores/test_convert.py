"""`pds convert`: cheap checks come first, and the message names the written weights."""

import pytest
import torch

from pds.commands.cli import main
from pds.jobs.checkpoint import find_checkpoint
from pds.scores import checkpoints
from tests.support.checkpoints import write_pth
from tests.support.tiny_run import make_score, published, workdir

NAME = "all_modules.3.weight"


@pytest.fixture
def source(tmp_path):
    """A published checkpoint, and the flag of its configuration."""
    folder = workdir(tmp_path / "run")
    path = write_pth(tmp_path / "a.pth", published(make_score()))
    (config,) = folder.glob("*.py")
    return [str(path), "--config", str(config)]


@pytest.mark.parametrize(
    ("weights", "words"),
    [("ema", "averaged weights (ema.shadow_params)"), ("raw", "last weights (model.module)")],
)
def test_the_weights_that_were_taken_are_said(source, tmp_path, capsys, weights, words):
    out = tmp_path / "new" / "a.safetensors"
    assert main(["convert", *source, "--out", str(out), "--weights", weights]) == 0
    assert f"from {source[0]}: its {words}" in capsys.readouterr().out
    expected = checkpoints.load(tmp_path / "a.pth", make_score().card, weights=weights)
    written = checkpoints.load(out).network.state_dict()
    assert torch.equal(written[NAME], expected.network.state_dict()[NAME])


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("a.pth", "--out must end in .safetensors"),
        ("folder.safetensors", "--out must be a file, got the folder"),
        ("file/a.safetensors", "file is not a writable folder"),
        ("file/deep/a.safetensors", "file is not a writable folder"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_source_is_read(tmp_path, capsys, out, words):
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "file").write_bytes(b"")
    assert main(["convert", "no/such/file.pth", "--out", str(tmp_path / out)]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error.splitlines()) == 1


def test_a_source_that_cannot_be_read_leaves_no_folder(tmp_path):
    out = tmp_path / "new" / "a.safetensors"
    assert main(["convert", str(tmp_path / "no.pth"), "--out", str(out)]) == 2
    assert not out.parent.exists()


def test_a_configuration_that_does_not_fit_the_source_is_refused(source, tmp_path, capsys):
    described = "assets/portraits32.safetensors"
    out = tmp_path / "a.safetensors"
    assert main(["convert", described, *source[1:], "--out", str(out)]) == 2
    assert "use the configuration that belongs to it" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("names", [["checkpoint.pt", "b.ckpt"], ["last.ckpt", "epoch=3.ckpt"]])
def test_the_usual_name_is_preferred_where_there_are_several(tmp_path, names):
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    for name in (*names, "._hidden.pth"):
        (folder / name).write_bytes(b"")
    assert find_checkpoint(tmp_path, None) == folder / names[0]
