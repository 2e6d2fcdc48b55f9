"""main.py --compare vanilla response: the sampler that is tuned to the network of a checkpoint."""

import dataclasses

import numpy as np
import pytest

from pds import models
from pds.arms.names import Arm, parse
from pds.arms.network import Recorded, recorded
from pds.commands.sample import sample_main
from pds.files import pictures
from pds.jobs.record import read_request
from pds.kernels import Langevin
from pds.scores.ncsnpp import NetworkScore
from pds.theory import LinearResponse, response_file
from tests.support import tiny_run
from tests.support.tiny_run import metadata, pixels
from tests.support.tiny_run import refusal as refusal
from tools.network_record import COUNTS
from tools.theory_tables import EVIDENCE

CONFIG = "configs/ve/portraits32_ncsnpp.py"
RESPONSES = EVIDENCE / "responses"
SEARCHED = {
    **{"portraits32": 10, "portraits64": 10, "portraits128": 10, "portraits256": 5},
    **{"field64": 5, "field256": 5},
}
"""N of each model at which a search takes seconds."""
EVERY = [
    pytest.param(name, marks=pytest.mark.slow if "256" in name else ()) for name in models.MODELS
]
BARE = np.array([2.0, 8.0]), np.array([[0.01, 10.0, 0.2, 1.0], [0.04, 40.0, 0.4, 4.0]])


def words(folder, *more):
    return [
        *("--config", CONFIG, "--workdir", str(folder), "--device", "cpu", "--num_samples", "1"),
        *("--speed_up", "1000", "--compare", "vanilla", "response", *more),
    ]


def right(folder):
    return folder / "eval" / "right" / "000000.png"


def test_the_shipped_checkpoint_has_its_record_and_a_file_comes_first(tmp_path):
    assert sample_main(words(tmp_path / "a")) == 0
    mine = ("--response", str(RESPONSES / "portraits32.npz"))
    assert sample_main(words(tmp_path / "b", *mine)) == 0
    assert metadata(right(tmp_path / "b"))["request"]["response"] == mine[1]
    # The record is what the search finds, to a few digits.
    a, b = (pixels(right(tmp_path / name)).astype(int) for name in "ab")
    assert np.abs(a - b).mean() < 2
    vanilla = pixels(tmp_path / "a" / "eval" / "left" / "000000.png").astype(int)
    assert np.abs(a - vanilla).mean() > 10


def test_the_page_opens_a_picture_that_was_drawn_with_the_record(tmp_path):
    assert sample_main(words(tmp_path)) == 0
    request = read_request(pictures.read_text(right(tmp_path)))
    assert (request.right, request.num_steps, request.model) == ("response", 2, "portraits32")


def test_a_folder_of_another_response_is_refused(tmp_path, refusal, capsys):
    assert sample_main(words(tmp_path)) == 0
    capsys.readouterr()
    mine = ("--response", str(RESPONSES / "portraits32.npz"))
    assert "another model or filter" in refusal(words(tmp_path, *mine))


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--response", str(RESPONSES / "portraits64.npz")), "is of images of 64 x 64 pixels"),
        (("--response", "none.npz"), "no response at none.npz"),
        (("--response", "README.md"), "README.md is no .npz file"),
        (
            ("--response", str(RESPONSES / "portraits32.npz"), "--compare", "vanilla", "ode-heun"),
            "no sampler is tuned by it; add --compare vanilla response",
        ),
        (("--corrector", "none"), "with a Langevin corrector"),
    ],
)
def test_what_cannot_be_tuned_is_refused_in_one_sentence(tmp_path, refusal, more, sentence):
    assert sentence in refusal(words(tmp_path, *more))


def test_a_checkpoint_without_a_response_is_refused(tmp_path, refusal):
    folder = tiny_run.workdir(tmp_path / "w")
    sentence = refusal(tiny_run.flags(folder, "--compare", "vanilla", "response", filtered=False))
    assert "that of this model is unknown; choose another sampler" in sentence


def test_between_two_recorded_numbers_logarithms_are_linear_and_beyond_them_constant():
    record, model = Recorded(*BARE), models.load_model("portraits32")
    *levels, gain = record(model.sampler(4))
    assert (*levels, *gain) == pytest.approx((0.02, 20.0, 0.2 * 2**0.5, 2.0))
    *levels, gain = record(model.sampler(2000))
    assert (*levels, *gain) == pytest.approx((0.04, 40.0, 0.4, 4.0))
    assert record(model.sampler(1)) == record(model.sampler(2))


def test_a_record_is_of_the_published_kernels():
    record, published = Recorded(*BARE), models.load_model("portraits32").sampler(4)
    with pytest.raises(ValueError, match="leave the corrector's steps as they are"):
        record(dataclasses.replace(published, num_corrector_steps=2))


@pytest.mark.parametrize(
    "columns",
    [
        (np.array([8.0, 2.0]), BARE[1]),
        (BARE[0], BARE[1][:1]),
        (BARE[0], -BARE[1]),
        (BARE[0], BARE[1][:, :3]),
        (np.array([]), BARE[1][:0]),
    ],
)
def test_a_damaged_record_is_refused(columns):
    with pytest.raises(ValueError, match=r"it does not list|its settings are not"):
        Recorded(*columns)


@pytest.mark.parametrize("text", ["{", "[]", '{"a": {"N": [2]}}', '{"a": {"N": 2, "settings": 3}}'])
def test_a_damaged_file_is_named(tmp_path, text):
    path = tmp_path / "record.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"record\.json is damaged"):
        recorded("a", path)
    assert recorded("a", tmp_path / "none.json") is None


@pytest.mark.parametrize("name", EVERY)
def test_every_shipped_model_has_a_record(name):
    record = recorded(name)
    assert record.counts.tolist() == sorted(COUNTS)
    model = models.load_model(name)
    sampler = model.plan(Arm("response"), 25).sampler
    assert isinstance(sampler.corrector, Langevin)
    assert model.sde.sigma_min <= sampler.sigmas[0] < sampler.sigmas[1] <= model.sde.sigma_max


def response_of(name):
    score = models.load_model(name).score
    if isinstance(score, NetworkScore):
        return response_file.load(RESPONSES / f"{name}.npz")
    return LinearResponse.of(score.power.mean(0))


def decibel(search, model, settings_from, num_steps):
    """The root mean square distance of every band from the network's own images."""
    evolution = search.evolution
    found = dataclasses.replace(model, tuned_to_network=settings_from)
    power = evolution.final(found.plan(parse("response"), num_steps).sampler)
    first = evolution.response.bands.num_octaves
    return float(np.sqrt(np.square(10 * np.log10(power / evolution.own)[: first + 1]).mean()))


@pytest.fixture(scope="module", params=EVERY)
def settings(request):
    """A model, what its search finds, what is recorded, and an N that is searched in seconds."""
    model = models.load_model(request.param)
    search = model.with_response(response_of(request.param)).tuned_to_network
    return model, search, recorded(request.param), SEARCHED[request.param]


@pytest.mark.slow
def test_the_record_is_as_good_as_what_the_search_finds(settings):
    model, search, record, n = settings
    assert decibel(search, model, record, n) <= decibel(search, model, search, n) + 0.02


def test_between_recorded_numbers_the_settings_are_as_good(settings):
    model, search, record, _ = settings
    assert {22, 23, 25} - {*COUNTS} == {23}
    between, beside = (decibel(search, model, record, n) for n in (23, 22))
    assert between < beside + 0.1


def test_every_model_is_searched():
    assert set(SEARCHED) == set(models.MODELS)


def test_the_fingerprint_is_of_a_record_and_of_a_response():
    assert Recorded(*BARE).fingerprint != Recorded(BARE[0], 2 * BARE[1]).fingerprint
    model = models.load_model("field64")
    one, other = (
        model.with_response(LinearResponse.of(k * model.score.power.mean(0))).tuned_to_network
        for k in (1.0, 2.0)
    )
    assert one.fingerprint != other.fingerprint
