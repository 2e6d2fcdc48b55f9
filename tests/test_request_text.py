"""One request, whatever form it travels in."""

import json
import shlex
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pds import models
from pds.commands.cli import main, parse
from pds.commands.sample import sample_main
from pds.files import pictures
from pds.jobs import comparison, request_text
from pds.jobs.run_request import Record, RunRequest
from pds.models import MAX_SEED, MODELS, ROOT, Request
from pds.theory import tuned

REQUESTS = st.builds(
    Request,
    model=st.sampled_from(sorted(MODELS)),
    num_steps=st.integers(1, 2000),
    alpha=st.floats(1, 1000, exclude_min=True),
    frequency=st.booleans(),
    space=st.booleans(),
    num_images=st.integers(1, 8),
    seed=st.integers(0, MAX_SEED),
    tuned=st.booleans(),
)
SMALL = Request(model="field64", num_steps=3, num_images=2, seed=7, alpha=4.5)


def asked_by(command):
    """What a printed command asks for."""
    words = shlex.split(command)
    assert words[:3] == ["python", "-m", "pds"]
    values = vars(parse(words[3:]))
    return Request(**{name: values[name] for name in asdict(Request())})


@given(REQUESTS)
def test_a_link_gives_the_request_back(request):
    assert request_text.from_query("?" + request_text.to_query(request)) == (request, True, "")


@given(REQUESTS)
def test_a_command_gives_the_request_back(request):
    assert asked_by(request_text.to_command(request)) == request


@given(REQUESTS)
def test_a_record_gives_the_request_back(request):
    assert request_text.from_record(request_text.to_record(request)) == request


def test_a_picture_from_before_there_was_a_tuned_gain_is_read():
    record = json.loads(request_text.to_record(SMALL))
    del record[request_text.KEY]["tuned"]
    assert request_text.from_record(json.dumps(record)) == SMALL


@given(REQUESTS)
def test_the_lines_of_python_name_the_request(request):
    (line,) = [x for x in request_text.to_python(request).splitlines() if x.startswith("request")]
    assert eval(line.removeprefix("request = "), {"Request": Request}) == request


@given(st.text(max_size=80))
def test_any_query_is_read_or_gets_a_sentence(query):
    request, _, sentence = request_text.from_query(query)
    assert isinstance(request, Request)
    assert len(sentence.splitlines()) <= 1


@settings(deadline=None)
@given(
    st.text(max_size=60)
    | st.dictionaries(
        st.sampled_from(["comparison", "request", "fingerprint"]),
        st.none() | st.integers() | st.text(max_size=5) | st.just({}),
    ).map(json.dumps)
)
def test_any_record_is_read_or_gets_a_sentence(text):
    with pytest.raises(ValueError, match=r"^.+$"):
        request_text.from_record(text)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("num_steps=0", "the number of iterations must be a whole number from 1 to 2000, got 0"),
        ("num_steps=ten", "must be a whole number from 1 to 2000, got 'ten'"),
        ("num_steps=1_0", "must be a whole number from 1 to 2000, got '1_0'"),
        ("alpha=1", "alpha must be a number above 1"),
        ("alpha=1e999", "alpha must be a number above 1"),
        ("frequency=maybe", "frequency must be true or false, got 'maybe'"),
        ("model=../secret", "model must be one of"),
        ("seed=-1", "seed must be a whole number"),
        ("&".join(["seed=1"] * 2 + ["num_images=99"]), "the number of images must be a whole"),
    ],
)
def test_a_bad_value_in_a_link_gets_its_sentence_and_the_default(query, words):
    request, given, sentence = request_text.from_query(query + "&space=1")
    assert words in sentence
    assert given
    assert request.space
    assert (request.num_steps, request.alpha, request.num_images) == (66, 5, 4)


def test_a_link_without_a_request_says_so():
    assert request_text.from_query("?__theme=dark&tab=filter") == (Request(), False, "")


def own_model():
    images = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return Request(model=models.brought.add(models.from_images(images)), num_steps=2)


@pytest.mark.parametrize("form", ["to_query", "to_command", "to_python"])
def test_the_name_of_a_visitor_s_model_is_not_passed_on(form):
    with pytest.raises(ValueError, match="your own images"):
        getattr(request_text, form)(own_model())


def test_a_link_to_a_visitor_s_model_is_refused():
    _, _, sentence = request_text.from_query(f"model={own_model().model}")
    assert "your own images" in sentence


def test_a_picture_of_a_visitor_s_model_does_not_name_it():
    request = own_model()
    record = request_text.to_record(request)
    assert request.model not in record
    with pytest.raises(ValueError, match="a visitor's own images"):
        request_text.from_record(record)


def test_the_command_writes_a_picture_that_says_how_it_was_made(tmp_path, capsys):
    out = tmp_path / "sheet.png"
    command = request_text.to_command(SMALL, str(out))
    assert main(shlex.split(command)[3:]) == 0
    assert request_text.from_record(pictures.read_text(out)) == SMALL
    expected = comparison.png(SMALL, *comparison.final(SMALL))
    assert out.read_bytes() == expected
    capsys.readouterr()
    assert main(["show", str(out)]) == 0
    assert asked_by(capsys.readouterr().out.strip()) == SMALL


def test_the_command_compares_with_the_tuned_gain(tmp_path, capsys):
    out = tmp_path / "sheet.png"
    tuned = replace(SMALL, tuned=True)
    assert main(["compare", *"--model field64 --num-steps 3 --num-images 2".split(),
                 *"--seed 7 --alpha 4.5 --tuned".split(), "--out", str(out)]) == 0  # fmt: skip
    assert capsys.readouterr().out == f"{out}: vanilla above, tuned below\n"
    assert request_text.from_record(pictures.read_text(out)) == tuned
    assert out.read_bytes() == comparison.png(tuned, *comparison.final(tuned))
    assert out.read_bytes() != comparison.png(SMALL, *comparison.final(SMALL))


def test_the_lines_of_python_draw_the_same_picture(tmp_path):
    lines = request_text.to_python(SMALL)
    assert len([line for line in lines.splitlines() if line]) == 5
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{lines}"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    drawn = pictures.read_pixels(tmp_path / "comparison.png")
    expected = pictures.sheet(
        list(zip(("vanilla", "PDS"), map(list, comparison.final(SMALL)), strict=True))
    )
    # Another process may round the last bit of a state the other way.
    assert np.abs(drawn.astype(int) - expected).max() <= 1


def test_a_bad_value_of_the_command_is_one_sentence(tmp_path, capsys):
    assert main(["compare", "--alpha", "1", "--out", str(tmp_path / "x.png")]) == 2
    assert capsys.readouterr().err.startswith("pds: alpha must be a number above 1")


@pytest.fixture(scope="module")
def run_of_main(tmp_path_factory):
    """What main.py draws with the shipped network: 2 images of N = 4, both samplers."""
    folder = tmp_path_factory.mktemp("run")
    flags = f"--config {request_text.CONFIG} --workdir {folder} --speed_up 500 --num_samples 2"
    flags += f" --freq_mask_path {request_text.MASKS['freq']} --seed 3 --alpha 4 --compare"
    assert sample_main(shlex.split(flags)) == 0
    return folder / "eval"


def test_a_picture_of_main_gives_the_page_the_same_request(run_of_main):
    text = pictures.read_text(run_of_main / "000001.png")
    request = request_text.from_record(text)
    assert request == Request(num_steps=4, alpha=4, num_images=1, seed=4)
    _, pds = comparison.final(request)
    drawn = pictures.read_pixels(run_of_main / "000001.png")
    # Batches of other sizes round differently; four iterations from sigma 1348 amplify that.
    assert np.abs(drawn.astype(int) - pds[0]).mean() < 0.5


def test_a_tuned_picture_of_main_gives_the_page_the_same_request(tmp_path):
    flags = f"--config {request_text.CONFIG} --workdir {tmp_path} --speed_up 250 --num_samples 1"
    flags += f" --freq_mask_path {request_text.MASKS['freq']} --tuned"
    assert sample_main(shlex.split(flags)) == 0
    picture = tmp_path / "eval" / "000000.png"
    request = request_text.from_record(pictures.read_text(picture))
    assert request == Request(num_steps=8, num_images=1, tuned=True)
    _, ours = comparison.final(request)
    # Batches of other sizes round differently, which eight iterations from sigma 1348 amplify.
    assert np.abs(pictures.read_pixels(picture).astype(int) - ours[0]).mean() < 0.5


def test_a_sheet_of_main_gives_its_first_images(run_of_main):
    request = request_text.from_record(pictures.read_text(run_of_main / "sheet.png"))
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
        request_text.from_record(json.dumps(record))


@pytest.mark.parametrize(
    ("name", "value"),
    [("num_steps", "4"), ("num_steps", -4), ("image", 1.5), ("image", [0]), ("speed_up", 1e-320)],
)
def test_a_damaged_record_gets_a_sentence(run_of_main, name, value):
    record = json.loads(pictures.read_text(run_of_main / "sheet.png"))
    (record["request"] if name == "speed_up" else record)[name] = value
    with pytest.raises(ValueError, match=r"^.+$"):
        request_text.from_record(json.dumps(record))


def test_a_picture_of_another_model_gets_a_sentence(run_of_main):
    record = json.loads(pictures.read_text(run_of_main / "000000.png"))
    record["fingerprint"] = "0" * 32
    with pytest.raises(ValueError, match="with a model or settings"):
        request_text.from_record(json.dumps(record))


def test_a_record_of_a_long_tuned_ladder_is_not_tuned_rung_by_rung(monkeypatch):
    asked, tune = [], tuned.sampler
    monkeypatch.setattr(tuned, "sampler", lambda *a, **k: asked.append(a) or tune(*a, **k))
    run = RunRequest(
        config="c", workdir="w", freq_mask_path="f", tuned=True, ladder=tuple(range(2, 300)),
        predictor="reverse_diffusion", corrector="langevin", snr=0.15,
    )  # fmt: skip
    record = Record(run, "of another model", num_steps=20, sampler="pds", image=0)
    with pytest.raises(ValueError, match="model or settings that the page does not have"):
        request_text.from_record(record.to_json())
    assert 1 <= len(asked) <= 2
