"""The check of the metrics: their response to blur, noise, texture and contrast."""

import pytest

from pds.evaluation import validation
from pds.evaluation.validation import ORDERED, Validation
from pds.portraits import portraits


@pytest.fixture(scope="module", params=[32, pytest.param(64, marks=pytest.mark.slow)])
def checked(request):
    return validation.check(portraits(range(1_001_000, 1_001_120), size=request.param))


def seen_by(checked, name):
    (case,) = [case for case in checked.cases if case.name == name]
    return {metric for metric in validation.SHOWN if checked.sees(case, metric)}


def test_blur_and_noise_are_worse_in_order_by_every_metric(checked):
    assert checked.ordered() == dict.fromkeys(ORDERED, True)


def test_an_unordered_metric_is_called_so(checked):
    names = [case.name for case in checked.cases]
    one, two = names.index("noise 0.05"), names.index("noise 0.1")
    cases = list(checked.cases)
    cases[one], cases[two] = cases[two], cases[one]
    swapped = Validation(tuple(cases), checked.floor, checked.recovered)
    assert not any(swapped.ordered().values())


@pytest.mark.parametrize("place", [1, 2, 3])
def test_noise_from_a_portraits_own_on_is_found_again_by_grain(checked, place):
    assert checked.recovered[place].grain == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("place", [0, 1])
def test_noise_is_found_again_better_in_flat_places_than_everywhere(checked, place):
    found = checked.recovered[place]
    assert abs(found.grain - 1) < abs(found.everywhere - 1)


def test_faint_noise_is_seen_by_grain_and_not_by_power(checked):
    assert seen_by(checked, "faint noise 0.01") == {"grain", "grain_everywhere"}


@pytest.mark.parametrize("name", ["noise 0.02", "blur 0.5 px", "texture lost"])
def test_grain_sees_noise_blur_and_lost_texture(name, checked):
    assert {"grain", "grain_everywhere"} <= seen_by(checked, name)


@pytest.mark.parametrize("name", ["contrast 0.8", "contrast 1.25"])
def test_contrast_sees_coarse_contrast_and_grain_does_not(name, checked):
    assert "contrast" in seen_by(checked, name)
    assert "grain" not in seen_by(checked, name)


@pytest.mark.parametrize("name", ["noise 0.05", "texture lost"])
def test_contrast_sees_nothing_but_coarse_contrast(name, checked):
    assert "contrast" not in seen_by(checked, name)


def test_smooth_noise_is_seen_by_grain_and_by_the_frechet_distance(checked):
    assert {"grain", "frechet"} <= seen_by(checked, "smooth noise 0.05")


def test_the_text_marks_what_is_seen_and_ends_with_the_order(checked):
    lines = validation.text(checked).splitlines()
    (noisy,) = [line for line in lines if line.split()[:2] == ["noise", "0.1"]]
    assert noisy.split()[2].endswith("*")
    assert lines[-1].split() == ["in", "order", *["yes"] * len(ORDERED)]
