"""The records in pictures of `main.py`, and the page's request for the same pictures."""

import json
import shlex
from dataclasses import replace

import numpy as np
import pytest

from pds.commands.sample import main_parser, sample_main
from pds.files import pictures
from pds.jobs import comparison, configuration, model
from pds.jobs.job import Job
from pds.jobs.record import CONFIG, MASKS, Record, read_request, to_command
from pds.request import Request
from pds.theory import tuned

PUBLISHED = ["--config", str(CONFIG), "--freq_mask_path", str(MASKS["freq"])]


def job_of(*more):
    """The job that flags of main.py describe."""
    return Job.from_flags(vars(main_parser().parse_args([*PUBLISHED, "--workdir", "w", *more])))


def test_flags_become_one_request_and_its_job():
    job = job_of("--speed_up", "30", "--alpha", "4", "--seed", "3", "--compare", "--snr", "0.2")
    assert job.request == Request(
        model=str(CONFIG), num_steps=66, alpha=4, frequency=str(MASKS["freq"]), num_images=8, seed=3
    )
    assert (job.snr, job.predictor, job.batch_size) == (0.2, "reverse_diffusion", 8)
    assert job.chains == ("vanilla", "pds")


def test_without_a_device_each_rank_chooses_among_all_gpus(monkeypatch):
    """cuda:0 would be the same GPU for all of them."""
    monkeypatch.setattr("pds.jobs.job.default_device", lambda: "cuda:0")
    assert job_of().device == "cuda"


def test_flags_come_back_from_a_job():
    job = job_of("--ladder", "200,66", "--skew", "-0.5", "--only", "0", "--device", "cpu")
    words = shlex.split(to_command(job.to_flags()))[2:]
    assert Job.from_flags(vars(main_parser().parse_args(words))) == job


def test_a_configuration_has_no_filters_of_its_own():
    job = job_of()
    with pytest.raises(ValueError, match="a configuration file comes with no filters"):
        replace(job, request=replace(job.request, frequency=True))


def test_a_record_runs_no_configuration_and_follows_no_path(monkeypatch):
    """A PNG may come from anyone: only the shipped files are read, to compare fingerprints."""
    opened, read = [], configuration.read_configuration
    monkeypatch.setattr(
        "pds.jobs.record.read_configuration", lambda path: opened.append(path) or read(path)
    )
    open_model = model.open_model

    def spied(job, device):
        opened.extend((job.request.model, job.request.frequency, job.checkpoint, job.workdir))
        return open_model(job, device)

    monkeypatch.setattr(model, "open_model", spied)
    record = replace(Record.of(job_of("--speed_up", "30"), "f"), num_steps=66)
    record.flags.update(dict.fromkeys(("config", "freq_mask_path", "checkpoint"), "/evil"))
    with pytest.raises(ValueError, match="the page does not have"):
        read_request(record.to_json())
    assert CONFIG in opened
    assert not any("evil" in str(path) for path in opened)


@pytest.mark.parametrize("flags", [{"alpha": {}}, {"ladder": ["5"]}, {"rm": 1}, {"seed": [[]]}])
def test_a_record_with_other_flags_is_refused(flags):
    record = json.loads(Record.of(job_of(), "f").to_json())
    record["request"] |= flags
    with pytest.raises(ValueError, match="it has other flags"):
        Record.from_json(json.dumps(record))


@pytest.fixture(scope="module")
def run_of_main(tmp_path_factory):
    """What main.py draws with the shipped network: 2 images of N = 4, both samplers."""
    folder = tmp_path_factory.mktemp("run")
    flags = f"--config {CONFIG} --workdir {folder} --speed_up 500 --num_samples 2"
    flags += f" --freq_mask_path {MASKS['freq']} --seed 3 --alpha 4 --compare"
    assert sample_main(shlex.split(flags)) == 0
    return folder / "eval"


def test_a_picture_of_main_gives_the_page_the_same_request(run_of_main):
    text = pictures.read_text(run_of_main / "000001.png")
    request = read_request(text)
    assert request == Request(num_steps=4, alpha=4, num_images=1, seed=4)
    _, pds = comparison.final(request)
    drawn = pictures.read_pixels(run_of_main / "000001.png")
    # Batches of other sizes round differently; four iterations from sigma 1348 amplify that.
    assert np.abs(drawn.astype(int) - pds.tiles[0]).mean() < 0.5


def test_a_tuned_picture_of_main_gives_the_page_the_same_request(tmp_path):
    flags = f"--config {CONFIG} --workdir {tmp_path} --speed_up 500 --num_samples 1"
    flags += f" --freq_mask_path {MASKS['freq']} --tuned"
    assert sample_main(shlex.split(flags)) == 0
    picture = tmp_path / "eval" / "000000.png"
    request = read_request(pictures.read_text(picture))
    assert request == Request(num_steps=4, num_images=1, tuned=True)
    _, ours = comparison.final(request)
    # Batches of other sizes round differently, which four iterations from sigma 1348 amplify.
    assert np.abs(pictures.read_pixels(picture).astype(int) - ours.tiles[0]).mean() < 0.5


def test_a_sheet_of_main_gives_its_first_images(run_of_main):
    request = read_request(pictures.read_text(run_of_main / "sheet.png"))
    assert request == Request(num_steps=4, alpha=4, num_images=2, seed=3)


@pytest.mark.parametrize(
    "changes",
    [{"snr": 0.2}, {"dtype": "bfloat16"}, {"skew": 1.0}, {"predictor": "euler_maruyama"}],
    ids=str,
)
def test_a_picture_that_the_page_cannot_draw_gets_a_sentence(run_of_main, changes):
    record = json.loads(pictures.read_text(run_of_main / "000000.png"))
    record["request"] |= changes
    with pytest.raises(ValueError, match="settings that the page does not have"):
        read_request(json.dumps(record))


@pytest.mark.parametrize(
    ("name", "value"),
    [("num_steps", "4"), ("num_steps", -4), ("image", 1.5), ("image", [0]), ("speed_up", 1e-320)],
)
def test_a_damaged_record_gets_a_sentence(run_of_main, name, value):
    record = json.loads(pictures.read_text(run_of_main / "sheet.png"))
    (record["request"] if name == "speed_up" else record)[name] = value
    with pytest.raises(ValueError, match=r"^.+$"):
        read_request(json.dumps(record))


def test_a_picture_of_another_model_gets_a_sentence(run_of_main):
    record = json.loads(pictures.read_text(run_of_main / "000000.png"))
    record["fingerprint"] = "0" * 32
    with pytest.raises(ValueError, match="with a model or settings"):
        read_request(json.dumps(record))


def test_a_record_of_a_long_tuned_ladder_is_not_tuned_rung_by_rung(monkeypatch):
    calls, tune = [], tuned.sampler
    monkeypatch.setattr(tuned, "sampler", lambda *a, **k: calls.append(a) or tune(*a, **k))
    job = job_of("--tuned", "--ladder", ",".join(map(str, range(2, 300))))
    record = replace(Record.of(job, "of another model"), num_steps=20, sampler="pds", image=0)
    with pytest.raises(ValueError, match="model or settings that the page does not have"):
        read_request(record.to_json())
    assert 1 <= len(calls) <= 2
