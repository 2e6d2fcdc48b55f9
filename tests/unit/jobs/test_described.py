"""Runs of `main.py` without --config: the checkpoint describes itself."""

import shlex

import numpy as np
import pytest
import torch

from pds.commands.cli import main
from pds.commands.sample import sample_main
from pds.files.shipped import ROOT
from pds.jobs import configuration, job
from pds.jobs.record import CONFIG
from pds.scores import checkpoints
from tests.support import tiny_run
from tests.support.tiny_run import make_score, metadata, pictures, published


@pytest.fixture
def folder(tmp_path):
    return tiny_run.workdir(tmp_path / "w")


def draw(folder, *more):
    """Run without a configuration."""
    return sample_main(["--workdir", str(folder), "--speed_up", "2", "--device", "cpu", *more])


def test_the_only_checkpoint_of_a_workdir_is_sampled_with_its_own_values(folder):
    assert draw(folder) == 0
    said = metadata(folder / "eval" / "000003.png")
    expected = {"config": None, "checkpoint": None, "num_samples": 4, "batch_size": 4, "snr": 0.15}
    assert expected.items() <= said["request"].items()
    assert said["num_steps"] == 5


def test_an_equal_configuration_draws_the_same_and_resumes(folder, capsys):
    assert draw(folder) == 0
    assert draw(folder, "--config", f"{folder}/tiny.py", "--eval_folder", "with") == 0
    capsys.readouterr()
    ours, theirs = (
        [tiny_run.pixels(folder / name / f"00000{i}.png") for i in range(3)]
        for name in ("eval", "with")
    )
    np.testing.assert_array_equal(ours, theirs)
    assert draw(folder, "--config", f"{folder}/tiny.py") == 0
    assert "0 images sampled, 3 were there" in capsys.readouterr().out
    assert draw(folder, "--eval_folder", "with") == 0
    assert "1 images sampled, 3 were there" in capsys.readouterr().out


def test_the_same_command_resumes_and_ends_with_the_same_bytes(folder):
    assert draw(folder) == 0
    drawn = pictures(folder)
    (folder / "eval" / "000001.png").unlink()
    assert draw(folder) == 0
    assert pictures(folder) == drawn


@pytest.mark.parametrize("named", [True, False])
def test_show_prints_a_command_without_a_configuration(folder, capsys, named):
    path = folder / "checkpoints" / "only.safetensors"
    assert draw(folder, *(["--checkpoint", str(path)] if named else [])) == 0
    picture = folder / "eval" / "000002.png"
    before = picture.read_bytes()
    capsys.readouterr()
    assert main(["show", str(picture)]) == 0
    words = shlex.split(capsys.readouterr().out)
    assert not [word for word in words if word.startswith("--config")]
    picture.unlink()
    assert sample_main(words[2:]) == 0
    assert picture.read_bytes() == before


def test_a_checkpoint_is_read_once(folder, monkeypatch):
    read, fill = [], checkpoints.fill
    monkeypatch.setattr(checkpoints, "fill", lambda *a, **k: read.append(a) or fill(*a, **k))
    assert draw(folder) == 0
    assert len(read) == 1


def test_a_shipped_model_is_sampled_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = "--workdir w --checkpoint assets/portraits32.safetensors --speed_up 500 --device cpu"
    assert sample_main([*words.split(), "--num_samples", "1"]) == 0
    assert sample_main([*words.split(), "--config", str(CONFIG), "--num_samples", "1"]) == 0
    (picture,) = (tmp_path / "w" / "eval").glob("0*.png")
    assert metadata(picture)["request"]["snr"] == configuration.read_configuration(CONFIG).card.snr


def test_a_checkpoint_of_score_sde_needs_its_configuration(folder, capsys):
    torch.save(published(make_score()), folder / "checkpoints" / "checkpoint.pth")
    assert draw(folder) == 2
    error = capsys.readouterr().err
    assert "checkpoint.pth" in error and "configuration" in error
    assert error.count("\n") == 1 and not (folder / "eval").exists()


def test_a_dotted_flag_needs_a_configuration(folder, capsys):
    assert draw(folder, "--config.sampling.snr=1") == 2
    error = capsys.readouterr().err
    assert "--config.sampling.snr changes a value of a configuration, and there is none" in error


def test_a_folder_that_another_checkpoint_began_is_refused(folder, capsys):
    assert draw(folder) == 0
    checkpoints.save(folder / "checkpoints" / "only.safetensors", make_score(seed=1))
    assert draw(folder) == 2
    assert "another model or filter" in capsys.readouterr().err


def test_a_folder_of_diffusers_describes_itself(folder, monkeypatch):
    """Its reader is replaced: tests/unit/scores/test_hub.py has folders of diffusers."""
    (folder / "unet").mkdir()
    read = []
    monkeypatch.setattr(job, "read_checkpoint", lambda *a, **k: read.append((a, k)) or make_score())
    assert draw(folder, "--checkpoint", str(folder / "unet"), "--weights", "raw") == 0
    assert read == [((str(folder / "unet"),), {"weights": "raw"})]


def weights_of(folder, *more):
    """The pixels of the images of a .pth with these flags."""
    words = ["--config", f"{folder}/tiny.py", "--eval_folder", "-".join(["of", *more])]
    assert draw(folder, *words, *more) == 0
    paths = sorted((folder / words[-1]).glob("0*.png"))
    return np.stack([tiny_run.pixels(path) for path in paths])


def test_the_last_weights_are_sampled_on_demand_and_a_folder_is_of_one_kind(folder, capsys):
    both = published(make_score())
    both["model"] = published(make_score(seed=1))["model"]
    torch.save(both, folder / "checkpoints" / "checkpoint.pth")
    raw, averaged = weights_of(folder, "--weights", "raw"), weights_of(folder)
    assert (raw != averaged).any()
    assert (weights_of(folder, "--weights", "ema") == averaged).all()
    words = ["--config", f"{folder}/tiny.py", "--eval_folder", "of"]
    assert draw(folder, *words, "--weights", "raw") == 2
    assert "has weights ema, not raw" in capsys.readouterr().err


def test_the_shipped_models_are_named_where_there_is_nothing_to_sample(tmp_path, capsys):
    assert draw(tmp_path) == 2
    shipped = "configs/ve/portraits32_ncsnpp.py"
    assert (ROOT / shipped).is_file() and shipped in capsys.readouterr().err
