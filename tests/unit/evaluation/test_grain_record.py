"""assets/grain.json: grain against N, predicted and measured."""

import json

import pytest

from pds.arms.names import parse
from pds.evaluation import grain_record
from pds.evaluation.grain_record import GrainPoint
from pds.limits import MAX_STEPS

POINT = {"N": 25, "sampled": 4.1, "low": 4.0, "high": 4.2, "predicted": 3.9}


def written(tmp_path, record):
    path = tmp_path / "grain.json"
    path.write_text(record if isinstance(record, str) else json.dumps(record), encoding="utf-8")
    return path


def test_points_are_read_by_ascending_n(tmp_path):
    points = [POINT, POINT | {"N": 20}]
    path = written(tmp_path, {"portraits64": {"vanilla": points, "pds:5": points}})
    expected = [GrainPoint(n, 4.1, 4.0, 4.2, 3.9) for n in (20, 25)]
    assert grain_record.read_points(path) == {
        "portraits64": {"vanilla": expected, "pds:5": expected}
    }


@pytest.mark.parametrize("model", ["portraits64", "portraits32"])
def test_the_shipped_record_has_vanilla_pds_and_few_iterations(model):
    curves = grain_record.read_points()[model]
    assert all(parse(arm) for arm in curves)
    assert {"vanilla", "pds:5", "scalar"} <= curves.keys()
    assert all(20 <= p.num_steps <= MAX_STEPS for points in curves.values() for p in points)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ("", "Expecting value"),
        ("[1, 2]", "it does not list points by arm"),
        ({"portraits64": 3}, "it does not list points by arm"),
        ({"portraits64": {"vanilla": 3}}, "it does not list points by arm"),
        ({"portraits64": {"vanilla": [3]}}, "a point must have N, sampled, low, high, predicted"),
        ({"portraits64": {"vanilla": [{"N": 25}]}}, "a point must have N, sampled"),
        (
            {"portraits64": {"vanilla": [POINT]}},
            "portraits64 must have points of vanilla and pds:5",
        ),
        ({"portraits64": {"vanilla": [POINT], "pds:5": []}}, "must have points of vanilla and"),
        ({"portraits64": {"vanilla": [POINT | {"N": 2.5}]}}, "N must be a whole number"),
        ({"portraits64": {"vanilla": [POINT | {"predicted": -1}]}}, "predicted must be > 0"),
        ({"portraits64": {"vanilla": [POINT | {"low": 5}]}}, "sampled must lie between"),
    ],
)
def test_a_damaged_record_is_refused_in_one_sentence(tmp_path, record, words):
    sentence = rf"^grain.json is damaged: .*{words}.*; restore it from the repository$"
    with pytest.raises(ValueError, match=sentence):
        grain_record.read_points(written(tmp_path, record))


def test_a_missing_record_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no grain\.json; restore it"):
        grain_record.read_points(tmp_path / "grain.json")
