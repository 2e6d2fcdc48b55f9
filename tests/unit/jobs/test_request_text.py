"""A request as link, command, Python and record: each form gives it back."""

import json
import shlex
from dataclasses import asdict, replace
from urllib.parse import urlencode

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pds import models
from pds.commands.cli import main, parse_arguments
from pds.files import pictures
from pds.jobs import comparison, request_text
from pds.jobs.record import read_request
from pds.limits import MAX_SEED
from pds.models import MODELS
from pds.request import Request

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
    values = vars(parse_arguments(words[3:]))
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
    del record[request_text.RECORD_KEY]["tuned"]
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
@pytest.mark.parametrize("read", [request_text.from_record, read_request])
@given(
    st.text(max_size=60)
    | st.dictionaries(
        st.sampled_from(["comparison", "request", "fingerprint"]),
        st.none() | st.integers() | st.text(max_size=5) | st.just({}),
    ).map(json.dumps)
)
def test_any_record_is_read_or_gets_a_sentence(read, text):
    with pytest.raises(ValueError, match=r"^.+$"):
        read(text)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("num_steps=0", "the number of iterations must be a whole number from 1 to 2000, got 0"),
        ("num_steps=ten", "must be a whole number from 1 to 2000, got 'ten'"),
        ("num_steps=1_0", "must be a whole number from 1 to 2000, got '1_0'"),
        ("alpha=1", "alpha must be > 1"),
        ("alpha=1e999", "alpha must be > 1"),
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
    return Request(model=models.visitor_models.add(models.from_images(images)), num_steps=2)


@pytest.mark.parametrize(
    "values", [{"model": "configs/ve/portraits32_ncsnpp.py"}, {"frequency": "mask.npy"},
               {"space": "/etc/passwd"}, {"num_steps": 10**6}, {"num_images": 10**6}], ids=str
)  # fmt: skip
def test_a_path_or_a_large_request_comes_from_no_text(values):
    text = json.dumps({request_text.RECORD_KEY: asdict(SMALL) | values})
    with pytest.raises(ValueError, match="must be"):
        request_text.from_record(text)
    query = urlencode(values)
    assert request_text.from_query(query)[0] == Request()
    with pytest.raises(ValueError):
        request_text.to_query(replace(SMALL, **values))


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
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{out}: vanilla above, tuned below"
    assert lines[1:] == [comparison.sentence(tuned, *comparison.final(tuned))]
    assert request_text.from_record(pictures.read_text(out)) == tuned
    assert out.read_bytes() == comparison.png(tuned, *comparison.final(tuned))
    assert out.read_bytes() != comparison.png(SMALL, *comparison.final(SMALL))


def test_the_lines_of_python_draw_the_same_picture(tmp_path, monkeypatch):
    lines = request_text.to_python(SMALL)
    assert len([line for line in lines.splitlines() if line]) == 5
    monkeypatch.chdir(tmp_path)
    exec(lines, {"__name__": "__main__"})
    drawn = pictures.read_pixels(tmp_path / "comparison.png")
    assert (drawn == comparison.sheet(SMALL, *comparison.final(SMALL))).all()


def test_a_bad_value_of_the_command_is_one_sentence(tmp_path, capsys):
    assert main(["compare", "--alpha", "1", "--out", str(tmp_path / "x.png")]) == 2
    assert capsys.readouterr().err.startswith("pds: alpha must be > 1")
