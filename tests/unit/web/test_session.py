"""Requests in, messages out: a comparison without the page."""

import base64
import inspect
import io
import itertools
import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from pds import models
from pds.appearance import GRAINY, Appearance, noise_ratio
from pds.driving import sample, seeded_noise
from pds.evaluation import appearance_record
from pds.evaluation.appearance_record import RecordedSampler
from pds.evaluation.metrics import Interval
from pds.files.pictures import to_uint8
from pds.kernels import Update, still
from pds.models import MODELS, Pair, compare_request, load_model
from pds.request import Request
from pds.sampling import Step
from pds.sde import VPSDE
from pds.serving.worker import Worker
from pds.web import sentences
from pds.web.api import compare
from pds.web.components import run_handler
from pds.web.server.frames import kept_steps
from pds.web.server.messages import dumps
from pds.web.tabs.compare import live_comparison
from pds.web.tabs.compare.live_comparison import recorded_steps
from pds.web.tabs.compare.measurements import Scene, observe
from pds.web.tabs.compare.pace import QUICK_SECONDS, Pace
from pds.web.tabs.compare.tab import TAB

PACKAGE = Path(models.__file__).parent
FIELD = {
    "model": "field64",
    "num_steps": 6,
    "alpha": 5,
    "frequency": True,
    "space": False,
    "num_images": 2,
    "seed": 3,
    "tuned": False,
    "run": "a",
}


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))))


def stream(values):
    """What the page gets for the event that starts a run."""
    return run_handler(TAB.run)(SimpleNamespace(_data=values), None)


def messages(**changes):
    return [json.loads(text) for text in stream(FIELD | changes)]


def ticking(step):
    """A clock that advances by `step` seconds each time it is read."""
    ticks = itertools.count()
    return lambda: next(ticks) * step


def test_a_run_ends_with_a_sheet_of_every_kept_step():
    *frames, last = messages()
    assert {message["kind"] for message in frames} == {"frame"}
    assert last["kind"] == "done"
    assert [step["iteration"] for step in last["steps"]] == [1, 2, 3, 4, 5, 6]
    assert pixels(last["png"]).shape == (6 * 64, 2 * 2 * 64)


def test_a_gaussian_model_comes_with_the_exact_spectra_of_both_sides():
    """In 2 x 3 x 44 or more modes per ring, five standard errors are at most 44 %."""
    *_, done = messages(num_steps=30)
    measured = np.array([step["power"] for step in done["steps"]])
    exact = np.array([step["theory"] for step in done["steps"]])
    np.testing.assert_allclose(measured[..., 7:], exact[..., 7:], rtol=0.44)


@pytest.mark.parametrize("tuned", [False, True])
def test_each_side_has_the_noise_level_of_its_own_grid(tuned):
    published, model = (0.01, 1348), load_model("field64")
    ends = [published, model.tuned(6).sigmas if tuned else published]
    t = model.sampler(6).times().numpy()
    *_, done = messages(tuned=tuned)
    sigma = np.array([step["sigma"] for step in done["steps"]])
    expected = [low * (high / low) ** t for low, high in ends]
    np.testing.assert_allclose(sigma, np.transpose(expected), rtol=1e-4)


def test_every_message_carries_the_name_of_its_run():
    assert {message["run"] for message in messages()} == {"a"}


def test_live_frames_come_by_the_clock_and_not_by_the_step():
    steps, clock = 60, ticking(0.001)  # each step reads the clock about three times
    names = [
        m["kind"]
        for m in live_comparison.messages(
            replace(live_comparison.parse(FIELD), num_steps=steps), clock=clock
        )
    ]
    assert 2 <= names.count("frame") <= 1 + 60 * 0.004 / live_comparison.FRAME_INTERVAL


def test_the_last_picture_is_the_result_clipped_and_nothing_else():
    last = messages()[-1]
    *_, pair = compare_request(live_comparison.parse(FIELD))
    images = torch.cat([pair.vanilla.x_mean, pair.pds.x_mean]).clamp(0, 1)
    expected = (255 * images).round().to(torch.uint8).permute(2, 0, 3, 1).reshape(64, -1)
    np.testing.assert_array_equal(pixels(last["png"])[-64:], expected.numpy())


def test_without_filters_both_sides_show_the_same_pixels():
    last = messages(frequency=False)[-1]
    sheet = pixels(last["png"])
    np.testing.assert_array_equal(sheet[:, :128], sheet[:, 128:])
    assert "same sampler" in last["verdict"]


def test_closing_the_stream_closes_the_sampler(monkeypatch):
    closed = []

    def sampler(request):
        try:
            yield from compare_request(request)
        finally:
            closed.append(True)

    monkeypatch.setattr(live_comparison, "compare_request", sampler)
    run = stream(FIELD)
    next(run)
    assert not closed
    run.close()
    assert closed


def test_the_time_of_a_step_leaves_out_what_the_reader_takes(monkeypatch):
    now = [0.0]

    def sampler(request):
        for pair in compare_request(request):
            now[0] += 2.0
            yield pair

    monkeypatch.setattr(live_comparison, "compare_request", sampler)
    seconds = []
    for message in live_comparison.messages(live_comparison.parse(FIELD), clock=lambda: now[0]):
        now[0] += 100.0
        seconds += [step["seconds"] for step in message["steps"]]
    assert seconds == [2.0] * len(seconds)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("num_steps", 0, "the number of iterations must be a whole number"),
        ("num_steps", "", "the number of iterations must be a whole number"),
        ("num_steps", 2.5, "the number of iterations must be a whole number"),
        ("alpha", 1, "alpha must be > 1"),
        ("alpha", None, "alpha must be > 1"),
        ("num_images", 9, "the number of images must be a whole number"),
        ("seed", -1, "seed must be a whole number"),
        ("model", "../secret", "model must be one of"),
        ("model", None, "model must be one of"),
        ("frequency", "yes", "frequency must be true or false"),
    ],
)
def test_a_bad_value_becomes_one_sentence(field, value, words):
    (message,) = messages(**{field: value})
    assert message["kind"] == "error"
    assert message["run"] == "a"
    assert words in message["sentence"]


def test_a_missing_weight_file_becomes_one_sentence(monkeypatch):
    def missing():
        raise FileNotFoundError("no weights at x.safetensors; restore the file")

    monkeypatch.setitem(MODELS, "gone", ("Gone", missing))
    (message,) = messages(model="gone")
    assert message["sentence"] == "no weights at x.safetensors; restore the file"


def test_a_missing_weight_file_does_not_keep_the_page_from_starting(monkeypatch):
    def missing():
        raise FileNotFoundError("no weights")

    models._built.cache_clear()
    monkeypatch.setattr(live_comparison, "PACE", Pace())
    monkeypatch.setitem(MODELS, live_comparison.OPENING_MODEL, ("Gone", missing))
    live_comparison.warm_up()
    models._built.cache_clear()


def test_a_chain_that_diverges_still_makes_a_message(monkeypatch):
    def diverging(request):
        good = torch.full((2, 1, 64, 64), 0.5)
        bad = torch.full_like(good, float("inf"))
        for index in range(request.num_steps):
            vanilla, pds = (
                Step(index, request.num_steps, 0.5, 1.0, 2 * index, Update(x, x.clone), 0.5)
                for x in (bad, good)
            )
            yield Pair(vanilla, pds)

    monkeypatch.setattr(live_comparison, "compare_request", diverging)
    last = messages()[-1]
    assert last["steps"][-1]["left"][0] is None
    assert last["steps"][-1]["grain"]["network"][0] is None
    assert last["steps"][0]["noise_ratio"][0] is None
    assert last["verdict"] == "Vanilla diverged."


def test_the_view_keeps_the_contrast_of_the_data_at_every_noise_level():
    rng = np.random.default_rng(0)
    std, sigma = 0.1, 40.0
    data = 0.5 + std * rng.standard_normal((1, 1, 256, 256))
    noisy = data + sigma * rng.standard_normal(data.shape)
    shown = to_uint8(noisy.astype(np.float32), sigma=sigma, data_std=std) / 255
    # 65,536 samples: the standard error of a standard deviation is 0.3%, five of them here
    assert shown.std() == pytest.approx(std, rel=0.014)


def test_the_view_without_noise_is_the_image_clipped():
    image = np.array([[[[-1.0, 0.0, 0.2, 1.0, 7.0, np.nan]]]], dtype=np.float32)
    shown = to_uint8(image, sigma=0.0, data_std=0.2)
    assert shown.ravel().tolist() == [0, 0, 51, 255, 255, 128]


@pytest.mark.parametrize("num_steps", [1, 2, 25, 66, 67, 200, 2000])
@pytest.mark.parametrize("pixels_per_step", [2 * 1024, 16 * 1024, 16 * 8192])
def test_kept_steps_are_few_and_hold_both_ends(num_steps, pixels_per_step):
    kept = kept_steps(num_steps, pixels_per_step)
    assert kept[0] == 0
    assert kept[-1] == num_steps - 1
    assert kept == sorted(set(kept))
    # 4 + 4 pictures of 128 px: 8 steps are 4 MB of noise, 32 would be 15 MB at the end of each run.
    assert len(kept) == min(num_steps, 8 if pixels_per_step > 1e5 else 66)


def test_large_pictures_keep_fewer_steps():
    """8 + 8 pictures of 256 px: no more than 4.2 million pixels travel."""
    assert len(kept_steps(66, 16 * 256**2)) == 4


def test_a_step_says_grain_and_contrast_as_they_are_measured():
    last = messages()[-1]["steps"][-1]
    *_, pair = compare_request(live_comparison.parse(FIELD))
    references = load_model("field64").references._asdict()
    sides = [Appearance.of(step.x_mean) for step in pair]
    assert last["grain"]["pixels"] == pytest.approx([side.grain for side in sides], rel=1e-4)
    relative = {
        (kind, chain): side.relative_to(reference)
        for kind, reference in references.items()
        for chain, side in enumerate(sides)
    }
    grain = {(kind, chain): last["grain"][kind][chain] for kind, chain in relative}
    contrast = {(kind, chain): last["contrast"][kind][chain] for kind, chain in relative}
    assert grain == pytest.approx({at: look.grain for at, look in relative.items()}, rel=1e-4)
    assert contrast == pytest.approx({at: look.contrast for at, look in relative.items()}, rel=1e-4)


def test_a_step_has_the_noise_of_the_next_network_input_relative_to_its_sigma():
    *_, done = messages()
    texture = load_model("field64").references.network.grain
    pairs = list(compare_request(live_comparison.parse(FIELD)))
    expected = [
        [noise_ratio(a.x, b.sigma, texture) for a, b in zip(now, after, strict=True)]
        for now, after in itertools.pairwise(pairs)
    ]
    told = np.array([step["noise_ratio"] for step in done["steps"]], dtype=float)  # None is NaN
    np.testing.assert_allclose(told[:-1], expected, rtol=1e-4)
    assert all(value > 1 for value in done["steps"][1]["noise_ratio"])
    assert done["steps"][-1]["noise_ratio"] == [None, None]


def test_a_network_for_other_pixels_gets_sigma_in_them():
    x = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    model = load_model("portraits64")
    plain, centered = (
        observe(
            Pair(*[Step(0, 9, 0.5, 2.0, 1, still(scale * x), 1.4 * scale)] * 2),
            Scene(Request("portraits64"), replace(model, centered=scale == 2)),
        ).numbers["noise_ratio"]
        for scale in (1, 2)
    )
    assert centered == plain == pytest.approx([1 / 1.4] * 2, rel=0.03)


@pytest.mark.parametrize("changes", [{"references": None}, {"sde": VPSDE()}])
def test_nothing_is_said_of_noise_where_states_are_no_picture_plus_noise(changes):
    model = replace(load_model("portraits64"), **changes)
    step = Step(0, 9, 0.5, 2.0, 1, still(torch.randn(4, 3, 64, 64)), 1.4)
    moment = observe(Pair(step, step), Scene(Request("portraits64"), model))
    assert moment.numbers["noise_ratio"] == [None, None]


def test_a_single_picture_has_grain_and_no_contrast():
    last = messages(num_images=1)[-1]["steps"][-1]
    assert min(last["grain"]["network"]) > 0
    assert last["contrast"] == {"data": [None, None], "network": [None, None]}


def test_a_model_without_references_has_grain_in_pixel_units(monkeypatch):
    plain = replace(load_model("field64"), references=None)
    monkeypatch.setitem(MODELS, "plain", ("Plain", lambda: plain))
    last = messages(model="plain")[-1]
    assert last["steps"][-1]["grain"]["network"] == [None, None]
    assert min(last["steps"][-1]["grain"]["pixels"]) > 0
    assert last["own"] == ""
    assert "between black (0) and white (1)" in last["verdict"]


def test_the_curve_of_the_network_is_drawn_for_networks_only():
    assert messages()[-1]["network"] == []
    shipped = json.loads(live_comparison.first_paint("end"))
    network = load_model(shipped["request"]["model"]).references.network
    assert shipped["network"] == pytest.approx(network.spectrum, rel=1e-4)


def test_a_recorded_run_comes_back_as_it_was(tmp_path):
    path = tmp_path / "first_paint.json"
    recorded = live_comparison.record(live_comparison.parse(FIELD), path)
    assert [step["iteration"] for step in recorded["steps"]] == [1, 2, 3, 4, 5, 6]
    end, whole = (json.loads(live_comparison.first_paint(part, path)) for part in ("end", "whole"))
    assert whole == recorded
    assert end["steps"] == whole["steps"][-1:]
    np.testing.assert_array_equal(pixels(end["png"]), pixels(whole["png"])[-64:])


def test_a_long_recorded_run_keeps_the_first_and_the_last_step(tmp_path):
    request = Request("field64", 60, num_images=2, seed=3)
    recorded = live_comparison.record(request, tmp_path / "first_paint.json")
    iterations = [step["iteration"] for step in recorded["steps"]]
    assert (iterations[0], iterations[-1]) == (1, 60)
    *_, whole = live_comparison.messages(request)
    rows = pixels(whole["png"]).reshape(60, 64, -1)[[i - 1 for i in iterations]]
    np.testing.assert_array_equal(pixels(recorded["png"]), rows.reshape(-1, rows.shape[-1]))


@pytest.mark.parametrize("num_steps", [25, 40, 66])
@pytest.mark.parametrize("size", [128, 256])
def test_the_recorded_steps_fit_and_show_the_second_half_of_a_run(num_steps, size):
    kept = recorded_steps(num_steps, 8 * size * size)
    assert len(kept) == max(2, live_comparison.RECORDED_PIXELS // (8 * size * size))
    assert (kept[0], kept[-1]) == (0, num_steps - 1)
    assert min(kept[1:]) >= (num_steps - 1) // 2


def cell(arm, num_steps, grain):
    """A recorded sampler."""
    return RecordedSampler(arm, num_steps, 64, Interval(grain, grain, grain), Interval(1, 1, 1))


def ladder_of(vanilla, pds):
    """Recorded grain of both samplers at N = 100, 66, 40 and 25."""
    counts = (100, 66, 40, 25)
    sides = (("vanilla", vanilla), ("pds:5", pds), ("tuned", (1, 1, 1, 1)))
    return [cell(arm, *pair) for arm, side in sides for pair in zip(counts, side, strict=True)]


@pytest.mark.parametrize(
    ("vanilla", "pds", "expected"),
    [
        ((1.1, 1.4, 2.1, 4.0), (0.9, 0.9, 1.0, 1.2), 40),
        ((1.1, 2.0, 3.0, 5.0), (0.9, 0.9, 1.0, 1.2), 66),
        ((1.1, 1.4, 1.9, 4.0), (0.9, 0.9, 1.0, 1.2), 25),
        ((1.1, 2.4, 3.0, 5.0), (0.9, 1.3, 1.2, 1.6), 40),
    ],
)
def test_the_first_paint_has_the_most_iterations_at_which_the_record_shows_the_effect(
    vanilla, pds, expected
):
    assert live_comparison.opening_steps(ladder_of(vanilla, pds)) == expected


def test_a_record_without_the_effect_gives_no_first_paint():
    with pytest.raises(ValueError, match="choose N by --num-steps"):
        live_comparison.opening_steps(ladder_of((1, 1, 1, 1.9), (1, 1, 1, 1)))


def test_the_shipped_first_paint_follows_its_rule():
    """After a new record of how pictures look: python -m pds record."""
    request = Request(**json.loads(live_comparison.first_paint("end"))["request"])
    recorded = appearance_record.samplers(request.model)
    chosen = Request(live_comparison.OPENING_MODEL, live_comparison.opening_steps(recorded))
    assert request == chosen  # with seeds from 0


def test_the_notes_state_the_rule_of_the_first_paint():
    notes = " ".join(TAB.text(TAB.notes).split())
    assert f"at least {live_comparison.PLAIN_GRAIN:g} times the grain" in notes
    assert f"PDS at most {GRAINY:g} times" in notes
    assert f"within {QUICK_SECONDS} seconds" in notes


def test_the_shipped_first_paint_is_small():
    """The end is within the page, the rest comes after it; each step is mostly noise."""
    end, whole = (len(live_comparison.first_paint(part)) for part in ("end", "whole"))
    assert end < 450_000
    assert whole < 2_500_000


def test_the_shipped_first_paint_quotes_the_shipped_references():
    """After a new record of how pictures look: python -m pds record."""
    shipped = json.loads(live_comparison.first_paint("end"))
    request, last = Request(**shipped["request"]), shipped["steps"][-1]
    model = load_model(request.model)
    network = model.references.network
    expected = np.array(last["grain"]["pixels"]) / network.grain
    assert last["grain"]["network"] == pytest.approx(expected, rel=1e-3)
    steps = json.loads(live_comparison.first_paint("whole"))["steps"]
    assert [None not in step["noise_ratio"] for step in steps] == [True] * 4 + [False]
    recorded = appearance_record.samplers(request.model)
    names = [arm.name for arm in request.arms]
    assert shipped["measured"] == sentences.measured(recorded, request.num_steps, names)


def test_the_shipped_first_paint_begins_as_a_run_of_the_shipped_model():
    """The first iteration of all recorded pictures: seeds, both samplers and measurements.

    The record has five digits.
    """
    shipped = json.loads(live_comparison.first_paint("whole"))
    request = Request(**shipped["request"])
    with closing(compare_request(request)) as pairs:
        moment = observe(next(pairs), Scene.of(request))
    recorded, numbers = shipped["steps"][0], json.loads(dumps(moment.numbers))
    same = {name: numbers[name] for name in ("iteration", "sigma", "nfe", "theory")}
    assert same == {name: recorded[name] for name in same}
    measured, expected = (
        np.hstack([np.ravel(values[name]) for name in ("power", "left", "noise_ratio")])
        for values in (numbers, recorded)
    )
    np.testing.assert_allclose(measured, expected, rtol=1e-4)
    row = pixels(shipped["png"])[: shipped["height"]]
    drawn = np.concatenate([*moment.left, *moment.right], axis=1)
    assert (row != drawn).mean() < 1e-4, "it has changed: python -m pds record"


def test_the_end_of_the_shipped_first_paint_is_that_of_the_whole_run():
    end, whole = (json.loads(live_comparison.first_paint(part)) for part in ("end", "whole"))
    assert end["steps"] == whole["steps"][-1:]
    np.testing.assert_array_equal(pixels(end["png"]), pixels(whole["png"])[-end["height"] :])


@pytest.mark.slow
@pytest.mark.parametrize("side", ["vanilla", "pds"])
def test_the_shipped_first_paint_is_a_run_of_the_shipped_model(side):
    shipped = json.loads(live_comparison.first_paint("end"))
    request, width = Request(**shipped["request"]), shipped["width"]
    model = load_model(request.model)
    sampler = model.sampler(request.num_steps) if side == "vanilla" else model.method(request)
    chain = sampler.chain(
        model.sde, noise=seeded_noise([request.seed]), shape=(1, *model.image_shape)
    )
    fresh = to_uint8(sample(model.score, chain).numpy())[0].astype(int)
    column = request.num_images * width * (side == "pds")
    recorded = pixels(shipped["png"])[:, column:][:, :width].astype(int)
    # images depend on their seed alone; another batch size only rounds differently
    assert np.abs(recorded - fresh).mean() < 0.5, "it has changed: python -m pds record"


def test_without_a_recorded_run_the_page_says_how_to_make_one(tmp_path):
    message = json.loads(live_comparison.first_paint("end", tmp_path / "nothing.json"))
    assert "python -m pds record" in message["sentence"]


def test_a_program_gets_every_step_with_both_pictures():
    steps = list(compare(**vars(live_comparison.parse(FIELD))))
    assert [step["iteration"] for step in steps] == [1, 2, 3, 4, 5, 6]
    assert [step["nfe"] for step in steps] == [2, 4, 6, 8, 10, 12]
    assert steps[0]["sigma"] == {"vanilla": 1348, "pds": 1348}
    assert min(steps[0]["noise_ratio"].values()) > 1
    assert steps[-1]["noise_ratio"] == {"vanilla": None, "pds": None}
    pictures = {side: steps[-1][side].split(",") for side in ("vanilla", "pds")}
    shapes = {side: (head, pixels(png).shape) for side, (head, png) in pictures.items()}
    assert shapes == dict.fromkeys(pictures, ("data:image/png;base64", (64, 2 * 64)))


def test_a_live_frame_says_how_many_runs_advance_together():
    others = [compare_request(Request("field64", 2000, num_images=1, seed=s)) for s in (1, 2)]
    for other in others:
        next(other)
    assert messages()[0]["together"] == 3
    for other in others:
        other.close()


def test_from_the_event_to_the_worker_there_are_at_most_five_functions(monkeypatch):
    called = []

    def worker_stream(*args):
        frames = inspect.stack()[1:]
        called[:] = [f.function for f in frames if str(PACKAGE) in f.filename]
        raise ValueError("stop here")
        yield

    monkeypatch.setattr(Worker, "stream", worker_stream)
    assert json.loads(next(stream(FIELD)))["sentence"] == "stop here"
    assert called[-3:] == ["messages", "run", "handler"]
    assert len(called) <= 5


@pytest.mark.parametrize(
    "changes", [{"left": "vanilla@66"}, {"snr": 0.2}, {"corrector_steps": 2}, {"alpha": 3.0}]
)
def test_no_measurement_of_other_samplers_is_quoted(changes):
    request = Request("portraits128", 40)
    assert live_comparison._measured(request)
    assert live_comparison._measured(replace(request, **changes)) == ""
