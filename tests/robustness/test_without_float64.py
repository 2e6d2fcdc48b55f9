"""Runs of `main.py` on a device that lacks float64, as Apple's GPUs do: imitated here.

See tests/robustness/test_elsewhere.py, which runs this.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pds.driving import sample, seeded_noise
from pds.jobs.ranks import Ranks
from pds.kernels import Langevin
from pds.preconditioners import FrequencyFilter
from pds.sampling import PredictorCorrector, ProbabilityFlow
from pds.scores import checkpoints
from pds.sde import VESDE, VPSDE, SubVPSDE
from tests.support import imitated_device, tiny_run

pytestmark = pytest.mark.only_imitated


@pytest.fixture
def lacking():
    with imitated_device.without_float64():
        yield


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.ones(2, dtype=torch.float64, device="cpu").to(imitated_device.NAME),
        lambda: torch.ones(2, device="cpu").to(imitated_device.NAME).double(),
        lambda: torch.ones(2, device="cpu").to(imitated_device.NAME).to(torch.complex128),
    ],
    ids=["brought", "float64", "complex128"],
)
def test_it_refuses_numbers_of_64_bits(lacking, make):
    with pytest.raises(TypeError, match="lacks"):
        make()


def run(folder, monkeypatch, device, *more):
    """The pixels that `main.py` draws on a device."""
    monkeypatch.setattr(Ranks, "device", lambda *_: torch.device(device))
    words = ["--eval_folder", device, "--num_samples", "2", *more]
    assert tiny_run.draw(folder, *words, filtered=False) == 0
    paths = sorted((folder / device).rglob("0*.png"))
    assert len(paths) >= 2
    return np.stack([tiny_run.pixels(path) for path in paths]).astype(int)


FILTERS = {
    "vanilla": (),
    "frequency": ("--freq_mask_path", "FREQ"),
    "both": ("--freq_mask_path", "FREQ", "--space_mask_path", "FREQ"),
    "skew": ("--freq_mask_path", "natural", "--skew", "0.2", "--compare"),
    "tuned": ("--freq_mask_path", "FREQ", "--tuned", "--trajectory"),
    "other kernels": ("--predictor", "euler_maruyama", "--corrector", "ald"),
}


@pytest.mark.parametrize("name", FILTERS)
def test_main_draws_the_images_of_the_cpu_there(tmp_path, monkeypatch, lacking, name):
    folder = tiny_run.workdir(tmp_path / "w")
    more = [word.replace("FREQ", f"{folder}/freq.npy") for word in FILTERS[name]]
    there = run(folder, monkeypatch, imitated_device.NAME, *more)
    # One level of 255: the noise levels have 7 digits there, and a batch is one network call.
    assert np.abs(there - run(folder, monkeypatch, "cpu", *more)).max() <= 1


@pytest.mark.parametrize("sde", [VPSDE(), SubVPSDE()], ids=["VP", "sub-VP"])
def test_the_other_processes_are_sampled_there(tmp_path, monkeypatch, lacking, sde):
    folder = tiny_run.workdir(tmp_path / "w")
    card = replace(tiny_run.CARD, sde=sde, scaling="published", num_scales=1000)
    checkpoints.save(folder / "checkpoints" / "only.safetensors", tiny_run.make_score(card=card))
    monkeypatch.setattr(Ranks, "device", lambda *_: torch.device(imitated_device.NAME))
    words = ["--workdir", str(folder), "--speed_up", "25", "--num_samples", "1"]
    assert tiny_run.sample_main([*words, "--freq_mask_path", "natural"]) == 0


def test_heun_is_sampled_there(lacking):
    noise = seeded_noise([0], device=imitated_device.NAME)
    chain = ProbabilityFlow("heun", 3).chain(VESDE(0.1, 10), noise=noise, shape=(1, 1, 8, 8))
    drawn = sample(lambda x, t: -x / t.to(x).reshape(-1, 1, 1, 1), chain)
    assert drawn.dtype == torch.float32 and drawn.device.type == imitated_device.NAME


def test_a_filter_of_the_library_is_applied_there(lacking):
    m = FrequencyFilter(torch.full((1, 8, 8), 1.1, device="cpu").to(imitated_device.NAME))
    sampler = PredictorCorrector(4, 1e-3, corrector=Langevin(0.1), m=m)
    noise = seeded_noise([0, 1], device=imitated_device.NAME)
    drawn = sample(lambda x, t: -x, sampler.chain(VESDE(0.1, 10), noise=noise, shape=(2, 1, 8, 8)))
    assert bool(drawn.isfinite().all())
