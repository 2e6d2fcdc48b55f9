"""The estimated time of a comparison."""

import pytest

from pds.limits import MAX_IMAGES
from pds.models import MODELS, compare_request, visitor_models
from pds.request import Request
from pds.web.tabs.compare import live_comparison, pace
from pds.web.tabs.compare.pace import MEASURED_IMAGES, Pace

RATES = {1: 0.1, 4: 0.4}
"""Seconds of an iteration by number of images."""


def known(rates=RATES):
    """A pace that was measured to be this, for any model."""
    return Pace(lambda _, num_images: rates[num_images])


def test_a_number_of_images_between_two_measured_ones_is_between_their_times():
    assert known().seconds("field64")[:4] == pytest.approx([0.1, 0.2, 0.3, 0.4])


def test_more_images_than_were_measured_take_longer_in_proportion():
    seconds = known({1: 0.3, 4: 0.4}).seconds("field64")
    assert len(seconds) == MAX_IMAGES
    assert seconds[7] == pytest.approx(0.8)


def test_a_model_is_measured_once():
    measured = []
    counted = Pace(lambda model, num_images: measured.append((model, num_images)) or 1.0)
    for _ in range(3):
        counted.seconds("field64")
    assert measured == [("field64", count) for count in MEASURED_IMAGES]


def test_a_finished_run_moves_the_estimate_half_way():
    mine = known()
    mine.seconds("field64")
    mine.note(Request("field64", num_images=4), 0.8)
    assert mine.seconds("field64")[3] == pytest.approx(0.6)
    assert mine.seconds("field64")[0] == pytest.approx(0.1)


def test_a_run_of_another_size_refines_its_own_number_of_images():
    mine = known()
    mine.seconds("field64")
    mine.note(Request("field64", num_images=8), 1.0)
    assert mine.seconds("field64")[7] == pytest.approx((0.8 + 1.0) / 2)
    assert mine.seconds("field64")[5] == pytest.approx((0.4 + 0.9) / 2)


def test_a_run_of_a_model_without_an_estimate_is_not_noted():
    """A visitor's own model never is; and measuring would hold up the end of the run."""
    mine = Pace(lambda *_: 1 / 0)
    mine.note(Request("someone's", num_images=4), 9.0)
    assert mine._seconds == {}


def ended(monkeypatch, *, step):
    """Run five steps by a clock that advances by `step` at each look, and return what was noted."""
    noted = []
    ticks = iter(range(10_000))
    monkeypatch.setattr(live_comparison.PACE, "note", lambda *values: noted.append(values))
    list(live_comparison.messages(RUN, clock=lambda: next(ticks) * step))
    return noted


RUN = Request("field64", 5, num_images=2)


def test_a_finished_run_notes_its_mean_time_of_an_iteration(monkeypatch):
    ((request, seconds),) = ended(monkeypatch, step=0.25)
    assert request == RUN
    assert 2 * 0.25 < seconds < 5 * 0.25  # three looks at the clock an iteration, four with a frame


def test_a_run_beside_another_one_is_not_noted(monkeypatch):
    other = compare_request(Request("field64", 2000, num_images=1))
    next(other)
    assert ended(monkeypatch, step=0.25) == []
    other.close()


def test_the_page_gets_the_number_of_runs_beside_a_new_one(monkeypatch):
    monkeypatch.setattr(pace, "PACE", known())
    other = compare_request(Request("field64", 2000, num_images=1))
    next(other)
    view = pace.view({"model": "field64"})
    other.close()
    assert view["beside"] == 1
    assert view["seconds"][:4] == [0.1, 0.2, 0.3, 0.4]


def test_a_visitor_s_own_model_has_no_estimate(monkeypatch):
    monkeypatch.setattr(pace, "PACE", known())
    name = visitor_models.add(MODELS["field64"][1](), "someone")
    assert pace.view({"model": name})["seconds"] == []
    visitor_models.drop("someone")


def test_measuring_times_an_iteration_of_the_model():
    assert pace.measure("field64", 1) > 0
