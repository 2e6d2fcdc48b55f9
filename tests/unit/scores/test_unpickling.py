"""Objects of unknown classes are skipped without running code; damaged files give one error."""

import argparse
import collections
import dataclasses
import datetime
import enum
import functools
import io
import pathlib
import random
import subprocess

import ml_collections
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pds.scores import checkpoints
from pds.scores.ncsnpp import NetworkScore
from pds.scores.unpickling import unpickle
from tests.support.checkpoints import CARD, published, refusal, write_pth


class AttributeDict(dict):
    pass


class Kinds(list):
    pass


class Color(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Settings:
    rate: float = 0.1


class Slotted:
    __slots__ = ("a",)

    def __init__(self):
        self.a = 1


FOREIGN = {
    "int64": np.int64(3),
    "float32": np.float32(1),
    "bool": np.bool_(True),
    "array": np.ones((3, 2)),
    "texts": np.array(["a", "b"]),
    "objects": np.array([None, {}], dtype=object),
    "legacy random state": np.random.RandomState(0).get_state(),
    "generator": np.random.default_rng(0),
    "python random state": random.Random(0).getstate(),
    "namespace": argparse.Namespace(a=1, b={"c": np.float64(2)}),
    "config": ml_collections.ConfigDict({"a": {"b": (1, 2)}, "device": torch.device("cpu")}),
    "frozen config": ml_collections.FrozenConfigDict({"a": {"b": (1, 2)}}),
    "reference": ml_collections.FieldReference(3),
    "path": pathlib.Path("a"),
    "default dict": collections.defaultdict(list, {1: [2]}),
    "attribute dict": AttributeDict(a=AttributeDict(b=1)),
    "list": Kinds([1, 2]),
    "deque": collections.deque([1, 2], maxlen=3),
    "date": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    "enum": Color.RED,
    "enum as key": {Color.RED: 1},
    "partial": functools.partial(torch.optim.Adam, lr=1e-4),
    "dataclass": Settings(),
    "slots": Slotted(),
    "class": Settings,
    "optimizer": torch.optim.Adam([torch.nn.Parameter(torch.ones(1))]),
    "module": torch.nn.Linear(2, 2),
    "frozen set": frozenset([1]),
    "sparse": torch.eye(2).to_sparse(),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_object_beside_the_weights_is_passed_over(tmp_path, score, name):
    path = write_pth(tmp_path / "a.pth", published(score, args=FOREIGN[name]))
    assert checkpoints.load(path, CARD).card == CARD


@pytest.mark.parametrize("name", ["int64", "array", "namespace", "config", "default dict", "deque"])
def test_a_foreign_object_in_an_old_file_is_passed_over(tmp_path, score, name):
    path = tmp_path / "a.pth"
    content = published(score, args=FOREIGN[name])
    torch.save(content, path, _use_new_zipfile_serialization=False)
    assert checkpoints.load(path, CARD).card == CARD


class Built:
    """Remembers that it was built."""

    times = 0

    def __setstate__(self, state):
        type(self).times += 1


def test_the_code_of_a_foreign_class_is_not_run(tmp_path):
    content = Built()
    content.a = 1
    read = unpickle(write_pth(tmp_path / "a.pth", {"a": content}))
    assert Built.times == 0
    assert not isinstance(read["a"], Built)


class Call:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("function", "name"),
    [(eval, "builtins.eval"), (exec, "builtins.exec"), (subprocess.check_call, "subprocess.check")],
)
def test_a_file_that_asks_for_a_program_is_refused_by_its_name(tmp_path, score, function, name):
    proof = tmp_path / "proof"
    content = published(score, args=Call(function, f"open({str(proof)!r}, 'w')"))
    assert f"asks for {name}" in refusal(write_pth(tmp_path / "a.pth", content))
    assert not proof.exists()


def test_a_call_that_is_let_through_is_not_made(tmp_path, capfd):
    path = write_pth(tmp_path / "a.pth", {"a": Call(print, "it ran")})
    unpickle(path)
    assert "it ran" not in capfd.readouterr().out


def test_a_refusal_names_the_foreign_classes(tmp_path, score):
    # An old file holds the source of a module's class, which is nothing to read.
    path = tmp_path / "a.pth"
    content = published(score, args=OwnModule())
    torch.save(content, path, _use_new_zipfile_serialization=False)
    sentence = refusal(path)
    assert "OwnModule" in sentence and "save its state dicts alone" in sentence


class OwnModule(torch.nn.Module):
    pass


@functools.cache
def files():
    """A file of each format, with foreign objects."""
    torch.manual_seed(0)
    network = NetworkScore(CARD)
    foreign = {name: FOREIGN[name] for name in ("float32", "namespace", "default dict", "deque")}
    content = published(network, **foreign)
    buffers = [io.BytesIO(), io.BytesIO()]
    for buffer, zipped in zip(buffers, (True, False), strict=True):
        torch.save(content, buffer, _use_new_zipfile_serialization=zipped)
    return [buffer.getvalue() for buffer in buffers]


def damaged(chance):
    """A file with a few other bytes, fewer bytes, or some of them moved."""
    content = bytearray(chance.choice(files()))
    kind = chance.randrange(3)
    if kind == 0:
        return content[: chance.randrange(len(content))]
    # Mostly where the pickle is, at the beginning.
    end = chance.choice([len(content), 9000])
    place = chance.randrange(end)
    if kind == 1:
        content[place : place + chance.randint(1, 40)] = chance.randbytes(chance.randint(0, 40))
        return content
    for _ in range(chance.randint(1, 4)):
        content[chance.randrange(end)] = chance.randrange(256)
    return content


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
@example(seed=178507)  # a name with an escape character
def test_a_damaged_file_is_read_or_refused_in_a_sentence(tmp_path_factory, seed):
    path = tmp_path_factory.getbasetemp() / "damaged.pth"
    path.write_bytes(damaged(random.Random(seed)))
    try:
        checkpoints.load(path, CARD, weights="raw")
    except ValueError as error:
        sentence = str(error)
        assert str(path) in sentence and len(sentence) < 700
        assert sentence.isprintable()
        assert "weights_only" not in sentence
