import contextlib
import csv
import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pds.commands import cli
from pds.portraits import cache, portraits, train
from pds.portraits.trainer import TrainConfig, Trainer, inherit, noise_levels
from pds.sampling import PredictorCorrector
from pds.scores import checkpoints
from pds.scores.ncsnpp import NetworkScore
from tests.support.paths import ROOT
from tests.support.trainings import IMAGES, TinyConfig, everything

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def config(tmp_path):
    return TinyConfig(out=tmp_path, num_images=6, iterations=8, batch_size=4)


def assert_same(trainer, other):
    found, expected = everything(trainer), everything(other)
    assert trainer.iteration == other.iteration
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def trained(config, num_steps):
    trainer = Trainer(config, IMAGES)
    for _ in range(num_steps):
        trainer.step()
    return trainer


def resumed(config):
    trainer = Trainer(config, IMAGES)
    trainer.resume()
    return trainer


def test_a_resumed_run_is_the_uninterrupted_run_bit_for_bit(config):
    trained(config, 3).save()
    trainer = resumed(config)
    for _ in range(3):
        trainer.step()
    assert_same(trainer, trained(config, 6))


KILLED = """
import sys
sys.path[:0] = [{root!r}]
import torch
torch.set_num_threads({threads})
from pathlib import Path
from pds.portraits.trainer import Trainer
from tests.support.trainings import IMAGES, TinyConfig
config = TinyConfig(out=Path({out!r}), num_images=6, iterations=8, batch_size=4)
trainer = Trainer(config, IMAGES)
while True:
    trainer.step()
    trainer.save()
    print(trainer.iteration, flush=True)
"""


@pytest.mark.slow
def test_a_run_killed_at_any_moment_resumes_as_if_it_had_not_been(config):
    script = KILLED.format(
        root=str(ROOT), out=str(config.out),
        threads=torch.get_num_threads(),
    )  # fmt: skip
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    saved = [process.stdout.readline() for _ in range(3)]
    assert "" not in saved
    process.kill()
    assert process.wait(timeout=30) == -signal.SIGKILL
    trainer = resumed(config)
    assert trainer.iteration >= 3
    trainer.step()
    assert_same(trainer, trained(config, trainer.iteration))


def test_a_save_that_fails_leaves_the_last_checkpoint(config, monkeypatch):
    trainer = trained(config, 2)
    trainer.save()
    trainer.step()

    def full_disk(_state, partial):
        Path(partial).write_bytes(b"half of it")
        raise OSError("no space left")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match="no space left"):
        trainer.save()
    assert_same(resumed(config), trained(config, 2))


def test_a_trainer_leaves_the_global_generator_alone(config):
    before = torch.get_rng_state()
    trained(config, 1)
    assert torch.equal(before, torch.get_rng_state())


def test_another_seed_is_another_run(config):
    losses = [Trainer(replace(config, seed=seed), IMAGES).step() for seed in (0, 0, 1)]
    assert losses[0] == losses[1] != losses[2]


def test_the_average_forgets_half_in_its_half_life(config):
    # A rate at which one step is far more than rounding, though the first ones are warm-up.
    trainer = trained(replace(config, batch_size=4, ema_half_life=4, learning_rate=50.0), 1)
    name = "network.all_modules.3.weight"
    first = trainer.score.state_dict()[name].clone()
    trainer.step()
    second = trainer.score.state_dict()[name]
    assert float((first - second).abs().max()) > 0.01
    torch.testing.assert_close(trainer.averaged.state_dict()[name], (first + second) / 2)


@pytest.mark.parametrize(
    ("iteration", "factor"),
    [(0, 1 / 500), (249, 0.5), (5_000, 0.5), (10_000, 0.0)],
)
def test_the_learning_rate_warms_up_and_decays_as_a_cosine(config, iteration, factor):
    trainer = Trainer(replace(config, iterations=10_000, learning_rate=2.0), IMAGES)
    trainer.iteration = iteration
    trainer.step()
    cosine = 0.5 + 0.5 * math.cos(math.pi * iteration / 10_000) if iteration < 500 else 1.0
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(2 * factor * cosine, abs=1e-12)


@pytest.mark.parametrize("sigma", [0.01, 0.25, 1348.0])
def test_the_loss_of_a_silent_network_is_its_closed_form(config, monkeypatch, sigma):
    """With network output 0, D - x = c_skip (x - m + sigma z) - (x - m)."""
    trainer = Trainer(config, IMAGES)
    for parameter in trainer.score.parameters():
        torch.nn.init.zeros_(parameter)
    levels = torch.full((6,), sigma, dtype=torch.float64)
    monkeypatch.setattr("pds.portraits.trainer.noise_levels", lambda *_: levels)
    x, s = cache.pixels(torch.from_numpy(IMAGES)), config.card.data_std
    z = torch.randn(x.shape, generator=torch.Generator().manual_seed(3)).double()
    error = s**2 / (sigma**2 + s**2) * (x.double() - 0.5 + sigma * z) - (x.double() - 0.5)
    expected = (sigma**2 + s**2) / (sigma * s) ** 2 * error.square().mean()
    loss = trainer.loss(trainer.score, x, torch.Generator().manual_seed(3))
    # At sigma 0.01 the error is a difference of nearly equal float32 pixels.
    assert float(loss.detach()) == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize(("size", "share"), [(128, 0.9), (256, 0.97)])
def test_a_network_inherits_the_inner_levels_of_the_one_of_half_its_size(tmp_path, size, share):
    score, smaller = (
        NetworkScore(TrainConfig(tmp_path, size=s).card) for s in (size, size // 2)
    )  # fmt: skip
    before = {name: weight.clone() for name, weight in score.network.state_dict().items()}
    inherit(score, smaller)
    after = score.network.state_dict()
    same = sum(before[n].numel() for n in before if torch.equal(before[n], after[n]))
    assert 1 - same / sum(weight.numel() for weight in before.values()) > share


def test_a_new_run_starts_from_weights_of_half_the_size(config):
    smaller = replace(config, size=32, out=config.out / "small")
    path = config.out / "smaller.safetensors"
    checkpoints.save(path, Trainer(smaller, IMAGES).score)
    images = np.repeat(np.repeat(IMAGES, 2, axis=2), 2, axis=3)
    fresh, started = (
        Trainer(TrainConfig(config.out, size=64, batch_size=1, seed=1, start=start), images)
        for start in (None, path)
    )
    expected = NetworkScore(fresh.config.card)
    expected.load_state_dict(fresh.score.state_dict())
    inherit(expected, checkpoints.load(path))
    assert all(
        map(torch.equal, expected.state_dict().values(), started.score.state_dict().values())
    )


def test_training_lowers_the_loss_on_the_same_noise(config):
    # Flat colors, whose noise a tiny network soon learns to remove.
    flat = np.broadcast_to(IMAGES[:, :, :1, :1], IMAGES.shape).copy()
    trainer = Trainer(replace(config, iterations=1000, learning_rate=0.1), flat)
    x = cache.pixels(torch.from_numpy(flat))

    def loss():
        with torch.no_grad():
            return float(trainer.loss(trainer.score, x, torch.Generator().manual_seed(9)))

    before = loss()
    for _ in range(20):
        trainer.step()
    assert loss() < 0.9 * before


def test_noise_levels_cover_the_whole_range_of_the_process(config):
    card = config.card
    sigma = noise_levels(40_000, card, torch.Generator().manual_seed(0))
    assert float(sigma.min()) >= card.sde.sigma_min and float(sigma.max()) <= card.sde.sigma_max
    low, high = math.log(card.sde.sigma_min), math.log(card.sde.sigma_max)
    place = (sigma[3::4].log() - low) / (high - low)
    # The largest gap to a uniform distribution over 10,000 draws exceeds .02 once in 1,400 seeds.
    even = (torch.arange(10_000) + 0.5) / 10_000
    assert float((place.sort().values - even).abs().max()) < 0.02
    rest = sigma[torch.arange(40_000) % 4 != 3].log()
    # Standard error of the median of 30,000 draws: .010; five of them.
    assert float(rest.median()) == pytest.approx(-1.4, abs=0.05)


def test_portraits_are_drawn_once_and_then_read(config):
    drawn = cache.portrait_cache(config.out, 6, size=32)
    expected = portraits(range(6)) * 255
    assert float((torch.from_numpy(np.array(drawn)).float() - expected).abs().max()) <= 0.501
    path = config.out / "portraits32.npy"
    np.save(path, IMAGES)
    assert np.array_equal(cache.portrait_cache(config.out, 6, size=32), IMAGES)


DRAWN = """
import sys
sys.path.insert(0, {root!r})
import torch
from pds.portraits import cache
if __name__ == "__main__":
    torch.set_num_threads(2)
    torch.rand(2_000_000).mul(2)
    print(sum(len(images) for images in cache.rendered(6, size=32)))
"""


@pytest.mark.slow
def test_portraits_are_drawn_in_a_process_whose_torch_threads_have_started():
    # Workers forked from such a process hung forever in their first torch operation.
    script = [sys.executable, "-c", DRAWN.format(root=str(ROOT))]
    with subprocess.Popen(script, stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.communicate(timeout=60)[0].split() == [b"6"]
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def quick_export(monkeypatch):
    """Sheets of two steps, and a held-out set of two portraits."""
    monkeypatch.setattr(
        train,
        "PredictorCorrector",
        lambda num_steps, eps, **options: PredictorCorrector(2, eps, **options),
    )


def test_training_leaves_weights_that_load_and_a_sheet(config, quick_export):
    np.save(config.out / "portraits32.npy", IMAGES)
    path = train.train(replace(config, iterations=3))
    weights = checkpoints.load(path).network.state_dict()
    expected = trained(replace(config, iterations=3), 3).averaged.network.state_dict()
    assert (config.out / "sheet000003.png").is_file()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_a_finished_run_is_not_trained_on(config, quick_export):
    np.save(config.out / "portraits32.npy", IMAGES)
    first = train.train(replace(config, iterations=2)).read_bytes()
    assert train.train(replace(config, iterations=2)).read_bytes() == first


def test_a_run_out_of_time_saves_everything_and_resumes_later(config, quick_export):
    np.save(config.out / "portraits32.npy", IMAGES)
    config = replace(config, iterations=2)
    path = train.train(replace(config, seconds=1e-9))
    names = {"checkpoint.pt", "losses.csv", "sheet000000.png", path.name, "portraits32.npy"}
    assert {file.name for file in config.out.iterdir()} == names
    weights = checkpoints.load(train.train(config)).network.state_dict()
    expected = trained(config, config.iterations).averaged.network.state_dict()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_the_losses_of_all_saves_are_kept_over_a_stop(config, quick_export):
    np.save(config.out / "portraits32.npy", IMAGES)
    train.train(replace(config, seconds=1e-9))
    train.train(replace(config, save_seconds=1e-9, iterations=2))
    with (config.out / "losses.csv").open() as file:
        rows = list(csv.DictReader(file))
    expected = [trained(replace(config, iterations=2), n).held_out_loss() for n in (0, 1, 2)]
    assert [int(row["iteration"]) for row in rows] == [0, 1, 2]
    assert [float(row["loss"]) for row in rows] == pytest.approx(expected, abs=1e-6)
    seconds = [float(row["seconds"]) for row in rows]
    assert seconds == sorted(seconds)


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_signal_ends_a_run_after_the_step_with_everything_saved(
    config, quick_export, monkeypatch, number
):
    np.save(config.out / "portraits32.npy", IMAGES)
    step, handler = Trainer.step, signal.getsignal(number)

    def interrupted(self):
        if self.iteration == 2:
            os.kill(os.getpid(), number)
        return step(self)

    monkeypatch.setattr(Trainer, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train.train(config)
    monkeypatch.undo()
    assert (config.out / "sheet000003.png").is_file()
    assert_same(resumed(config), trained(config, 3))
    assert signal.getsignal(number) == handler


def test_a_second_signal_ends_a_run_at_once(config, monkeypatch, interruptible):
    np.save(config.out / "portraits32.npy", IMAGES)
    steps = []

    def impatient(self):
        steps.append(self)
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Trainer, "step", impatient)
    with pytest.raises(KeyboardInterrupt):
        train.train(config)
    assert len(steps) == 1
    assert not (config.out / "checkpoint.pt").exists()


def test_the_shipped_network_is_small_enough_for_two_cores(tmp_path):
    with torch.device("meta"):
        network = NetworkScore(TrainConfig(out=tmp_path).card)
    assert sum(p.numel() for p in network.parameters()) <= 1_500_000


def run_command(capsys, *arguments):
    """Run `python -m pds train`; return its exit code and the lines on stderr."""
    code = cli.main(["train", "--num-images", "6", "--batch-size", "2", *map(str, arguments)])
    return code, capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--iterations", 0), "iterations must be a whole number >= 1, got 0"),
        (("--seconds", 0), "seconds must be > 0 and finite, got 0"),
        (("--learning-rate", "nan"), "learning_rate must be > 0 and finite, got nan"),
        (("--device", "abacus"), "device 'abacus' cannot be used here"),
    ],
)
def test_a_value_out_of_range_is_one_sentence_and_exit_code_2(
    tmp_path, capsys, arguments, sentence
):
    code, lines = run_command(capsys, "--out", tmp_path, *arguments)
    assert code == 2 and len(lines) == 1 and sentence in lines[0]


def spoil_cache(out):
    (out / "portraits32.npy").write_bytes(b"junk")
    return "remove it to draw the portraits again"


def empty_cache(out):
    (out / "portraits32.npy").write_bytes(b"")
    return "remove it to draw the portraits again"


def truncate_checkpoint(out):
    trainer = trained(TinyConfig(out=out), 0)
    trainer.save()
    trainer.path.write_bytes(trainer.path.read_bytes()[:1000])
    return "train in another folder, or remove it"


def checkpoint_of_another_network(out):
    trained(TinyConfig(out=out), 0).save()
    return "train in another folder, or remove it"


@pytest.mark.parametrize(
    "spoil", [spoil_cache, empty_cache, truncate_checkpoint, checkpoint_of_another_network]
)
def test_a_damaged_folder_is_one_sentence_and_exit_code_2(tmp_path, capsys, spoil):
    np.save(tmp_path / "portraits32.npy", IMAGES)
    sentence = spoil(tmp_path)
    code, lines = run_command(capsys, "--out", tmp_path)
    assert code == 2 and len(lines) == 1 and sentence in lines[0]
