"""Images of any number of channels: pictures of 1 and 3, arrays of all others."""

import shlex
from dataclasses import replace

import numpy as np
import pytest
import torch

from pds.commands.cli import main
from pds.commands.sample import sample_main
from pds.driving import sample, seeded_noise
from pds.files import array_images
from pds.kernels import Langevin
from pds.sampling import PredictorCorrector
from pds.scores import checkpoints
from tests.support import tiny_run


def workdir(folder, channels):
    """A workdir whose network has so many channels, with a mask of as many."""
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    card = replace(tiny_run.CARD, network=replace(tiny_run.NETWORK, num_channels=channels))
    score = tiny_run.make_score(card=card)
    checkpoints.save(folder / "checkpoints" / "only.safetensors", score)
    text = tiny_run.CONFIG.replace('"num_channels": 3', f'"num_channels": {channels}')
    (folder / "tiny.py").write_text(text)
    np.save(folder / "freq.npy", np.repeat(tiny_run.mask()[:1], channels, 0))
    return folder


@pytest.fixture
def folder(tmp_path):
    return workdir(tmp_path / "w", 4)


def files(folder):
    """Bytes of all files below a folder, by name."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


NAMES = ("000000", "000001", "000002")


@pytest.mark.parametrize("channels", [2, 4, 12])
def test_images_of_other_channels_are_arrays(tmp_path, channels):
    folder = workdir(tmp_path / "w", channels)
    assert tiny_run.draw(folder, "--compare", "--trajectory") == 0
    assert sorted(files(folder / "eval")) == sorted(
        [f"{n}.npy" for n in NAMES]
        + [f"vanilla/{n}.npy" for n in NAMES]
        + [f"trajectory/{n}.npz" for n in NAMES]
    )
    image = np.load(folder / "eval" / "000001.npy", allow_pickle=False)
    assert image.shape == (channels, 8, 8) and image.dtype == np.float32
    stored = np.load(folder / "eval" / "trajectory" / "000001.npz", allow_pickle=False)
    assert (stored["pds"][-1] == image).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_one_and_three_channels_are_pictures(tmp_path, channels):
    folder = workdir(tmp_path / "w", channels)
    assert tiny_run.draw(folder) == 0
    assert sorted(files(folder / "eval")) == [*(f"{n}.png" for n in NAMES), "sheet.png"]


def test_an_array_holds_the_floats_that_the_library_samples(folder):
    assert tiny_run.draw(folder, filtered=False) == 0
    score = checkpoints.load(folder / "checkpoints" / "only.safetensors")
    sampler = PredictorCorrector(5, 2e-5, corrector=Langevin(0.15, snr_norm="sample"))
    chain = sampler.chain(score.sde, noise=seeded_noise([2]), shape=(1, 4, 8, 8))
    drawn = np.load(folder / "eval" / "000002.npy", allow_pickle=False)
    np.testing.assert_allclose(drawn, sample(score, chain)[0].numpy(), atol=1e-4)
    assert drawn.min() < 0 or drawn.max() > 1


def test_a_run_says_once_that_there_are_no_pictures(folder, capsys):
    assert tiny_run.draw(folder, "--compare") == 0
    first, *said = capsys.readouterr().out.splitlines()
    assert first.endswith("3 images sampled, 0 were there")
    (sentence,) = said
    assert sentence.startswith("images of 4 channels cannot be PNG files: each is an array")


def test_a_ladder_of_arrays_has_a_folder_for_each_number_of_iterations(folder):
    words = ["--workdir", str(folder), "--config", f"{folder}/tiny.py", "--ladder", "5,3"]
    assert sample_main([*words, "--freq_mask_path", "natural"]) == 0
    cells = [f"{n}/{sub}000000.npy" for n in (3, 5) for sub in ("", "vanilla/")]
    assert sorted(files(folder / "eval")) == sorted(cells)


def test_a_run_of_arrays_resumes_and_ends_with_the_same_bytes(folder, capsys):
    assert tiny_run.draw(folder, "--compare") == 0
    drawn = files(folder / "eval")
    (folder / "eval" / "000000.npy").unlink()
    cut = folder / "eval" / "vanilla" / "000002.npy"
    cut.write_bytes(cut.read_bytes()[:-9])
    assert tiny_run.draw(folder, "--compare") == 0
    assert "2 images sampled, 1 were there" in capsys.readouterr().out
    assert files(folder / "eval") == drawn


@pytest.mark.parametrize("name", ["000001.npy", "vanilla/000001.npy"])
def test_show_prints_the_command_of_an_array(folder, capsys, name):
    assert tiny_run.draw(folder, "--compare") == 0
    path = folder / "eval" / name
    before = path.read_bytes()
    capsys.readouterr()
    assert main(["show", str(path)]) == 0
    words = shlex.split(capsys.readouterr().out)
    path.unlink()
    assert sample_main(words[2:]) == 0
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["freq.npy", "eval/trajectory/000000.npz", "tiny.py"])
def test_show_refuses_what_is_no_image_of_a_run(folder, capsys, name):
    assert tiny_run.draw(folder, "--trajectory", "--num_samples", "1") == 0
    capsys.readouterr()
    assert main(["show", str(folder / name)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_an_array_of_others_is_not_overwritten(folder, capsys):
    (folder / "eval").mkdir()
    np.save(folder / "eval" / "000000.npy", np.zeros((4, 8, 8)))
    before = files(folder / "eval")
    assert tiny_run.draw(folder) == 2
    assert "000000.npy has no record of one" in capsys.readouterr().err
    assert files(folder / "eval") == before


@pytest.mark.parametrize("order", [(3, 4), (4, 3)], ids=str)
def test_a_folder_of_pictures_gets_no_arrays_and_the_reverse(tmp_path, capsys, order):
    first, second = order
    assert tiny_run.draw(workdir(tmp_path / "w", first)) == 0
    before = files(tmp_path / "w" / "eval")
    assert tiny_run.draw(workdir(tmp_path / "w", second)) == 2
    assert "another model or filter" in capsys.readouterr().err
    assert files(tmp_path / "w" / "eval") == before


def test_a_mask_of_other_channels_is_refused(folder, capsys):
    np.save(folder / "freq.npy", tiny_run.mask())
    assert tiny_run.draw(folder) == 2
    error = capsys.readouterr().err
    assert "has shape (3, 8, 8), but the model's images are (4, 8, 8)" in error


@pytest.mark.parametrize("text", ["", "{}", "ü" * 5000])
def test_an_array_gives_its_text_back(tmp_path, text):
    image = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0)).numpy()
    path = tmp_path / "a.npy"
    path.write_bytes(array_images.encode(image, text))
    assert array_images.read_text(path) == text
    assert (np.load(path, allow_pickle=False) == image).all()


@pytest.mark.parametrize("cut", [1, 50, 200, 300])
def test_an_array_that_was_cut_is_incomplete(tmp_path, cut):
    whole = array_images.encode(np.ones((2, 3, 5), np.float32), "a text")
    (tmp_path / "a.npy").write_bytes(whole[:-cut])
    assert array_images.read_text(tmp_path / "a.npy") is None
