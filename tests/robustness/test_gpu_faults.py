"""Faults of runs on a device: too little memory, kill -9, several processes on one card.

    python -m pytest --device cuda tests/robustness/test_gpu_faults.py

On a GPU the memory of this process is really limited; on a CPU, the default, a score function
says that it is out of memory.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch

from pds.commands.sample import sample_main
from pds.portraits.trainer import Trainer
from pds.serving.batcher import Batcher
from pds.serving.capacity import peak_bytes
from pds.serving.worker import Worker
from tests.support import tiny_run
from tests.support.device_runs import FLOAT32, images_of, model_on, relative, run_of
from tests.support.paths import ROOT
from tests.support.trainings import IMAGES, TinyConfig, everything

PATIENCE = 120
"""Seconds after which a test gives up."""
CHAINS = ("vanilla", "PDS")
CROWDS = {"cpu": ("field64", 4, 1, 3)}
"""Model, visitors, images of each, and images of a network call that the memory has room for."""
GPU_CROWD = ("portraits64", 8, 16, 64)


class Watched:
    """A model's score that counts the calls that fail; on a CPU those above `most` images do."""

    def __init__(self, model, most):
        self.score, self.most, self.failures, self.largest = model.score, most, 0, 0

    def __call__(self, x, t):
        self.largest = max(self.largest, len(x))
        try:
            if len(x) > self.most:
                raise torch.OutOfMemoryError("imitated")
            return self.score(x, t)
        except torch.OutOfMemoryError:
            self.failures += 1
            raise


class Gathering(Batcher):
    """Makes no network call until so many runs have joined.

    On a GPU the runs of a crowd may otherwise end before they all have come.
    """

    def __init__(self, score, num_missing):
        super().__init__(score)
        self.num_missing = num_missing

    def join(self, run):
        super().join(run)
        self.num_missing -= 1

    def step(self):
        return [] if self.num_missing > 0 else super().step()


@contextmanager
def little_memory(model, most):
    """Room for a network call with about `most` images; yields the model's score."""
    if torch.device(model.device).type == "cpu":
        yield Watched(model, most)
        return
    x = torch.zeros(most, *model.image_shape, device=model.device)
    # Of tensors only: cuDNN takes a working memory of any size where there is room, and does
    # without where there is none.
    tensors = peak_bytes(lambda: model.score(x, torch.ones(most, device=model.device)))
    torch.cuda.empty_cache()
    needed = torch.cuda.memory_reserved() + 1.5 * tensors
    total = torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, needed / total))
    try:
        yield Watched(model, sys.maxsize)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()


def visit(worker, batcher, run):
    """The final images of a visitor, as the page gets them, or the error."""
    try:
        (last,) = deque(worker.stream(batcher, run), maxlen=1)
    except Exception as error:
        return error
    return torch.stack([step.x_mean.cpu() for step in last])


def visits(worker, *visitors):
    """What visitors get who come at once, each with a batcher and a run."""
    found = {}

    def come(i, batcher, run):
        found[i] = visit(worker, batcher, run)

    threads = [threading.Thread(target=come, args=(i, *v)) for i, v in enumerate(visitors)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return [found[i] for i in range(len(visitors))]


@pytest.fixture
def crowd(device):
    """A model, a worker that has made a call, and the runs of a crowd by their first seeds."""
    name, count, num_images, most = CROWDS.get(device, GPU_CROWD)
    model = model_on(name, device)

    def run(seed, num_images=num_images):
        return run_of(model, 3, range(seed, seed + num_images), chains=CHAINS)

    worker = Worker(device)
    # Libraries keep memory for each thread from its first call on.
    visit(worker, Batcher(model.score), run(0))
    return model, worker, run, range(0, 10 * count, 10), most


def test_calls_too_large_for_the_memory_are_split_and_every_visitor_is_served(
    crowd, record_property
):
    model, worker, run, seeds, most = crowd
    expected = torch.stack([images_of(model.score, run(seed)) for seed in seeds])
    with little_memory(model, most) as score:
        batcher = Gathering(score, len(seeds))
        found = torch.stack(visits(worker, *((batcher, run(seed)) for seed in seeds)))
    record_property("calls that exceeded the memory", score.failures)
    record_property("images of the largest call", score.largest)
    assert score.failures
    assert relative(found, expected) < FLOAT32


def test_a_run_that_is_too_large_alone_is_split_too(crowd):
    model, worker, run, _, most = crowd
    expected = images_of(model.score, run(7, 2 * most))
    with little_memory(model, most) as score:
        found = visit(worker, Batcher(score), run(7, 2 * most))
    assert score.failures
    assert relative(found, expected) < FLOAT32


def test_where_no_image_fits_each_visitor_gets_the_error_and_other_models_continue(crowd):
    model, worker, run, seeds, _ = crowd
    broken, healthy = Batcher(Watched(model, 0)), Batcher(model.score)
    *errors, found = visits(worker, *((broken, run(seed)) for seed in seeds), (healthy, run(5)))
    sentences = [str(error) for error in errors if isinstance(error, ValueError)]
    begin = f"one image of {model.image_shape[0]} x "
    assert [sentence[: len(begin)] for sentence in sentences] == [begin] * len(seeds)
    assert relative(found, images_of(model.score, run(5))) < FLOAT32
    assert worker.alive


# Training


def test_a_resumed_training_run_ends_with_the_weights_of_an_uninterrupted_one(
    tmp_path, device, record_property
):
    """On a CPU to the bit.

    On a GPU the gradients' sums have any order, which may turn the direction of a few weights in
    the first steps of Adam. A run that lost its moments or repeated a batch is off by more than a
    third of the way that the weights went.
    """
    config = TinyConfig(out=tmp_path, num_images=6, iterations=8, batch_size=4, device=device)

    def trained(trainer, num_steps):
        for _ in range(num_steps):
            trainer.step()
        return trainer

    trained(Trainer(config, IMAGES), 3).save()
    resumed = Trainer(config, IMAGES)
    resumed.resume()
    first, expected, found = (
        torch.cat([p.detach().cpu().flatten() for p in trainer.score.parameters()])
        for trainer in (
            Trainer(config, IMAGES),
            trained(Trainer(config, IMAGES), 6),
            trained(resumed, 3),
        )
    )
    off = float((found - expected).norm() / (expected - first).norm())
    record_property("distance of resumed weights, of the way they went", off)
    assert off <= (0.0 if torch.device(device).type == "cpu" else 0.02)


def test_a_resumed_run_waits_for_no_count_of_the_optimizer(tmp_path, device):
    """Counts are read where they are: by one kernel on the GPU if the steps are fused."""
    config = TinyConfig(out=tmp_path, num_images=6, iterations=8, batch_size=4, device=device)
    trainer = Trainer(config, IMAGES)
    trainer.step()
    trainer.save()
    resumed = Trainer(replace(config), IMAGES)
    resumed.resume()
    states = resumed.optimizer.state.values()
    fused = resumed.optimizer.param_groups[0]["fused"]
    home = torch.device(device).type if fused else "cpu"
    assert fused == (torch.device(device).type == "cuda")
    assert {state["step"].device.type for state in states} == {home}
    assert {state["exp_avg"].device.type for state in states} == {torch.device(device).type}
    assert len(everything(resumed)) == len(everything(trainer))


# main.py


def command(folder, device, name, *more):
    """The words of a run of 24 images in batches of 4, with its own output folder."""
    words = tiny_run.flags(folder, "--num_samples", "24", "--batch_size", "4")
    words[words.index("--device") + 1] = device
    return [*words, "--eval_folder", name, *more]


def start(*words, launcher=()):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, *launcher, "main.py", *words],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process):
    _, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, error


def pixels(folder):
    return {path.name: tiny_run.pixels(path) for path in sorted(folder.glob("0*.png"))}


def assert_same(folder, expected, device):
    """The same bits on a CPU; on a GPU, whose kernels may sum in any order, within one level."""
    found = pixels(folder)
    assert list(found) == list(expected)
    levels = 0 if torch.device(device).type == "cpu" else 1
    differences = [abs(found[name].astype(int) - expected[name]).max() for name in expected]
    assert max(differences) <= levels


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_run.workdir(tmp_path_factory.mktemp("faults") / "w")


@pytest.fixture(scope="module")
def whole(folder, device):
    """The pixels of an uninterrupted run in one process."""
    assert sample_main(command(folder, device, "whole")) == 0
    return pixels(folder / "whole")


def test_a_batch_too_large_for_the_memory_is_split_and_draws_the_same(tmp_path, device, capsys):
    if torch.device(device).type == "cpu":
        pytest.skip("on a CPU every image is a network call of its own")
    words = ["--config", "configs/ve/portraits64_ncsnpp.py", "--speed_up", "400"]
    words += ["--workdir", str(tmp_path), "--num_samples", "256", "--batch_size", "256"]
    words += ["--device", device, "--checkpoint", str(ROOT / "assets" / "portraits64.safetensors")]
    assert sample_main([*words, "--eval_folder", "whole"]) == 0
    with little_memory(model_on("portraits64", device), 64):
        assert sample_main([*words, "--eval_folder", "split"]) == 0
    assert_same(tmp_path / "split", pixels(tmp_path / "whole"), device)


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_images(folder, device, whole):
    process = start(*command(folder, device, "killed"))
    deadline = time.monotonic() + PATIENCE
    while not pixels(folder / "killed") and time.monotonic() < deadline:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert 0 < len(pixels(folder / "killed")) < 24
    finished(start(*command(folder, device, "killed")))
    assert_same(folder / "killed", whole, device)


@pytest.mark.slow
def test_two_processes_on_one_device_draw_what_each_draws_alone(folder, device, whole):
    processes = [start(*command(folder, device, name)) for name in ("one", "other")]
    for process in processes:
        finished(process)
    for name in ("one", "other"):
        assert_same(folder / name, whole, device)


@pytest.mark.slow
def test_two_ranks_on_one_device_draw_the_images_of_one_process(folder, device, whole):
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    finished(start(*command(folder, device, "ranks"), launcher=launcher))
    assert_same(folder / "ranks", whole, device)
