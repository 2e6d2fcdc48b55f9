"""Images that are not finite: their detection, the message, and the images that are kept."""

import contextlib
import itertools
from dataclasses import replace

import pytest
import torch

from pds.commands.sample import main_parser, sample_main
from pds.jobs import divergence, run
from pds.jobs.divergence import Watch
from pds.jobs.job import Job
from pds.sampling import Step, still
from pds.scores import checkpoints
from pds.sde import VESDE
from tests.support import tiny_run
from tests.support.tiny_run import draw, flags


@pytest.fixture
def folder(tmp_path):
    return tiny_run.workdir(tmp_path / "w")


def job_of(folder, *more):
    return Job.from_flags(vars(main_parser().parse_args(flags(folder, *more))))


def step(index, values, *, sigma=1.0, num_steps=5):
    """A step with an image of each of these values."""
    x = torch.tensor(values)[:, None, None, None].expand(-1, 3, 8, 8).clone()
    return Step(index, num_steps, 1 - index / num_steps, sigma, index + 1, still(x))


def lost(job, *steps):
    """What a watch says of the images 10, 11, ... of these steps."""
    watch = Watch(job, range(10, 10 + len(steps[0][0].x)))
    for states in steps:
        watch.see(states)
    return watch.lost


def test_nothing_is_said_of_finite_images(folder):
    assert lost(job_of(folder), (step(0, [1.0, 2.0]),), (step(4, [3.0, 0.0]),)) == {}


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_the_first_iteration_that_is_not_finite_is_said_of_each_image(folder, bad):
    said = lost(
        job_of(folder), (step(0, [1.0, 2.0]),), (step(1, [1.0, bad]),), (step(2, [bad] * 2),)
    )
    assert list(said) == [11, 10]
    assert said[11].startswith(
        "image 11 of the PDS sampler is not finite after iteration 2 of 5 (sigma 1, float32): "
    )
    assert "after iteration 3 of 5" in said[10]


def test_the_sampler_that_lost_it_is_named(folder):
    said = lost(job_of(folder, "--compare"), (step(0, [float("nan")]), step(0, [1.0])))
    assert "image 10 of the vanilla sampler" in said[10] and "--alpha" not in said[10]


def test_a_state_that_grew_before_has_diverged(folder):
    said = lost(job_of(folder), (step(0, [3e5]),), (step(1, [float("inf")]),))
    assert "the sampler diverged, to 3e+05 an iteration before" in said[10]
    assert "smaller --speed_up or another --snr, or a larger --alpha" in said[10]


@pytest.mark.parametrize(("before", "overflows"), [(4.0, True), (3e4, False)])
def test_float16_is_blamed_where_the_state_was_of_ordinary_size(folder, before, overflows):
    job = job_of(folder, "--dtype", "float16")
    said = lost(job, (step(0, [before]),), (step(1, [float("nan")]),))
    assert ("overflows in float16" in said[10] and "bfloat16" in said[10]) == overflows
    assert ("diverged" in said[10]) != overflows


def test_the_noise_of_a_large_sigma_is_of_ordinary_size(folder):
    job = job_of(folder, "--dtype", "float16")
    said = lost(job, (step(0, [6000.0], sigma=1348.0),), (step(1, [float("nan")], sigma=1300.0),))
    assert "sigma 1.3e+03, float16): the network overflows" in said[10]


def test_a_gpu_is_waited_for_every_eighth_iteration_and_at_the_end(folder, monkeypatch):
    looked = []
    monkeypatch.setattr(
        divergence.Watch, "_look", lambda w: looked.append(w._seen) or w._seen.clear()
    )
    watch = Watch(job_of(folder), range(1))
    waited = []
    for index in range(19):
        state = step(index, [1.0], num_steps=19)
        on_gpu = replace(state, update=still(state.x.to("meta")))
        watch.see((on_gpu,))
        if not watch._seen:
            waited.append(index)
    assert waited == [7, 15, 18]
    assert len(looked) == 3


def overflowing(folder):
    """A workdir whose network overflows in float16 at the first noise level."""
    card = replace(tiny_run.CARD, sde=VESDE(0.01, 1e5), scaling="published", num_scales=20)
    checkpoints.save(folder / "checkpoints" / "only.safetensors", tiny_run.make_score(card=card))
    return ["--workdir", str(folder), "--device", "cpu", "--num_samples", "3"]


@pytest.mark.slow
def test_float16_stops_at_the_first_iteration_and_nothing_is_written(folder, capsys, monkeypatch):
    words, iterations = overflowing(folder), []
    see = Watch.see
    monkeypatch.setattr(Watch, "see", lambda w, steps: iterations.append(1) or see(w, steps))
    assert sample_main([*words, "--dtype", "float16", "--batch_size", "1"]) == 2
    out, error = capsys.readouterr()
    last = error.splitlines()[-1]
    assert last.startswith(
        "main.py: image 0 of the vanilla sampler is not finite after iteration 1"
    )
    assert "(sigma 1e+05, float16): the network overflows in float16" in last
    assert "use --dtype bfloat16" in last and last.endswith("3 of 3 images are not sampled")
    assert out.endswith("0 images sampled, 0 were there\n")
    assert len(iterations) == 1
    assert not list((folder / "eval").iterdir())
    assert sample_main(words) == 0


def spoil(monkeypatch, rows, *, chosen=lambda batch: True):
    """Let the network return NaN for these rows of the chosen batches, from iteration 2 on."""
    running, times = run.prepared_score, [0.0]

    @contextlib.contextmanager
    def spoiled(score, device, dtype):
        with running(score, device, dtype) as call:

            def answer(x, t):
                times.append(float(t[0]))
                starts = [before < now for before, now in itertools.pairwise(times)]
                scores = call(x, t)
                if times[-1] < 1 and chosen(sum(starts) - 1):
                    scores[rows] = float("nan")
                return scores

            yield answer

    monkeypatch.setattr(run, "prepared_score", spoiled)


def names(folder):
    return sorted(p.name for p in (folder / "eval").iterdir())


def test_one_image_that_is_not_finite_does_not_cost_the_others(folder, capsys, monkeypatch):
    spoil(monkeypatch, [1], chosen=lambda batch: batch == 0)
    assert draw(folder, "--num_samples", "5", "--batch_size", "3") == 2
    out, error = capsys.readouterr()
    assert "image 1 of the PDS sampler is not finite after iteration 2" in error.splitlines()[-1]
    assert "4 images sampled, 0 were there" in out
    assert names(folder) == ["000000.png", "000002.png", "000003.png", "000004.png", "sheet.png"]
    monkeypatch.undo()
    assert draw(folder, "--num_samples", "5", "--batch_size", "3") == 0
    assert "1 images sampled, 4 were there" in capsys.readouterr().out


def test_the_others_are_the_images_of_a_run_without_it(folder, monkeypatch):
    spoil(monkeypatch, [1], chosen=lambda batch: batch == 0)
    assert draw(folder) == 2
    kept = {name: (folder / "eval" / name).read_bytes() for name in ("000000.png", "000002.png")}
    monkeypatch.undo()
    assert draw(folder, "--eval_folder", "whole") == 0
    assert kept == {name: (folder / "whole" / name).read_bytes() for name in kept}


def test_an_image_is_written_with_all_its_samplers_or_not_at_all(folder, monkeypatch):
    # The first two rows are vanilla's.
    spoil(monkeypatch, [1])
    words = ["--compare", "--trajectory", "--num_samples", "2"]
    assert draw(folder, *words) == 2
    assert not list((folder / "eval").rglob("000001*"))
    assert len(list((folder / "eval").rglob("000000*"))) == 4


def test_a_run_that_lost_all_images_of_one_n_draws_those_of_the_others(folder, capsys, monkeypatch):
    spoil(monkeypatch, [0, 1, 2, 3], chosen=lambda batch: batch == 0)
    words = ["--ladder", "5,3", "--num_samples", "4", "--speed_up", "1"]
    assert draw(folder, *words) == 2
    out, error = capsys.readouterr()
    assert "iteration 2 of 5" in error and error.rstrip().endswith("4 of 8 images are not sampled")
    assert "grain" not in out
    assert len(list((folder / "eval" / "3").rglob("0*.png"))) == 8
    assert not list((folder / "eval").glob("5/**/0*.png"))


def test_a_lost_batch_does_not_end_a_run_that_has_images(folder, capsys, monkeypatch):
    assert draw(folder, "--num_samples", "2") == 0
    spoil(monkeypatch, [0, 1], chosen=lambda batch: batch == 0)
    assert draw(folder, "--num_samples", "6", "--batch_size", "2") == 2
    assert "2 images sampled, 2 were there" in capsys.readouterr().out
    assert names(folder) == [f"00000{i}.png" for i in (0, 1, 4, 5)] + ["sheet.png"]
