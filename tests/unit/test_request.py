"""The request: its valid values, and those that a public page accepts."""

from dataclasses import asdict, replace

import pytest
import torch

from pds import models
from pds.jobs import hosting
from pds.models import compare_request, from_images, load_model
from pds.request import Request

OUT_OF_RANGE = [
    ({"num_steps": 0}, "the number of iterations must be a whole number {steps}, got 0"),
    ({"num_steps": 2.5}, "got 2.5"),
    ({"num_steps": "66"}, "got '66'"),
    ({"num_steps": True}, "got True"),
    ({"num_steps": float("nan")}, "got nan"),
    ({"num_images": 0}, "the number of images must be a whole number {images}, got 0"),
    ({"seed": -1}, "seed must be a whole number from 0 to 2147483647"),
    ({"seed": 2**31}, "seed must be a whole number from 0 to 2147483647"),
    ({"alpha": 1}, "alpha must be > 1{alpha}, got 1; a larger alpha is a weaker filter"),
    ({"alpha": float("nan")}, "got nan"),
    ({"alpha": "strong"}, "got 'strong'"),
    ({"frequency": 1}, "frequency must be true{masks}, got 1"),
    ({"space": None}, "space must be true{masks}, got None"),
    ({"tuned": "yes"}, "tuned must be true or false, got 'yes'"),
    ({"model": ["field64"]}, "model must be {models}, got ['field64']"),
    ({"model": ""}, "model must be {models}, got ''"),
]
ANYWHERE = {
    "steps": ">= 1",
    "images": ">= 1",
    "alpha": "",
    "masks": ", false or the path of a raw mask",
    "models": "the name of a model or the path of a configuration file",
}
ON_A_PAGE = {
    "steps": "from 1 to 2000",
    "images": "from 1 to 8",
    "alpha": " and <= 1000",
    "masks": " or false",
    "models": "one of portraits32, portraits64, portraits128, portraits256, field64, field256",
}


@pytest.mark.parametrize(("values", "sentence"), OUT_OF_RANGE, ids=str)
def test_a_request_out_of_range_is_refused(values, sentence):
    with pytest.raises(ValueError) as refused:
        Request(**values)
    assert sentence.format(**ANYWHERE) in str(refused.value)


@pytest.mark.parametrize(("values", "sentence"), OUT_OF_RANGE, ids=str)
def test_a_page_refuses_the_same_with_its_own_bounds(values, sentence):
    with pytest.raises(ValueError) as refused:
        hosting.from_page(values)
    assert sentence.format(**ON_A_PAGE) in str(refused.value)


@pytest.mark.parametrize(
    "ask", [hosting.hosted, lambda request: hosting.from_page(asdict(request))], ids=["as", "by"]
)
@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"num_steps": 2001}, "from 1 to 2000, got 2001"),
        ({"num_images": 9}, "from 1 to 8, got 9"),
        ({"alpha": 1000.5}, "<= 1000, got 1000.5"),
        ({"model": "faces"}, "model must be one of portraits32"),
        ({"model": "configs/ve/portraits32_ncsnpp.py"}, "model must be one of portraits32"),
        ({"frequency": "filters/portraits32_freq.npy"}, "frequency must be true or false"),
        ({"space": "filters/portraits32_space.npy"}, "space must be true or false"),
    ],
    ids=str,
)
def test_a_page_refuses_values_that_a_command_line_accepts(values, sentence, ask):
    with pytest.raises(ValueError, match=sentence):
        ask(Request(**values))


def test_a_page_takes_a_model_of_a_visitor():
    images = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    request = Request(model=models.visitor_models.add(from_images(images)))
    assert hosting.hosted(request) == request
    assert hosting.from_page(asdict(request)) == request


def test_other_names_from_a_page_are_ignored_and_absent_ones_have_defaults():
    assert hosting.from_page({"seed": 3, "run": "a", "checkpoint": "x.pth"}) == Request(seed=3)


def test_whole_floats_are_whole_numbers():
    assert Request(num_steps=66.0, num_images=3.0) == Request(num_steps=66, num_images=3)


@pytest.fixture
def trap(tmp_path):
    """Run a configuration file that leaves a trace; its path, and the trace."""
    trace = tmp_path / "ran"
    (tmp_path / "trap.py").write_text(f"open({str(trace)!r}, 'w')\ndef get_config(): return {{}}\n")
    return tmp_path / "trap.py", trace


def test_the_path_of_a_configuration_is_no_model_of_the_library(trap):
    path, trace = trap
    with pytest.raises(ValueError, match="model must be one of"):
        load_model(str(path))
    assert not trace.exists()


@pytest.mark.parametrize(
    "request_with",
    [
        lambda path: Request(model=path),
        lambda path: Request("field64", 2, frequency=path),
        lambda path: Request("field64", 2, space=path),
        lambda path: Request("field64", 2, frequency=path, tuned=True),
    ],
    ids=["model", "frequency", "space", "tuned"],
)
def test_a_path_in_a_request_is_never_followed_by_the_library(trap, request_with):
    path, trace = trap
    with pytest.raises(ValueError):
        next(compare_request(request_with(str(path))))
    assert not trace.exists()


@pytest.mark.parametrize(
    ("changes", "filtered", "method"),
    [
        ({}, True, "PDS"),
        ({"frequency": False}, False, "vanilla"),
        ({"frequency": False, "space": "mine.npy"}, True, "PDS"),
        ({"frequency": False, "tuned": True}, True, "tuned"),
    ],
)
def test_a_request_names_what_it_compares_with_vanilla(changes, filtered, method):
    request = replace(Request(), **changes)
    assert (request.filtered, request.labels[1]) == (filtered, method)
