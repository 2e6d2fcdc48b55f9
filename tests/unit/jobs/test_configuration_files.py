"""Kinds of configuration files that are read, and the messages for other files."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from pds.jobs.configuration import read_configuration
from tests.support.configurations import refusal, written
from tests.support.tiny_run import CONFIG

NEEDS_ML_COLLECTIONS = pytest.mark.skipif(
    find_spec("ml_collections") is None, reason="files of others are written with ml_collections"
)
ML_COLLECTIONS = "import ml_collections as mc\nfrom ml_collections import config_dict as cd\n"
FIELDS = "dataclasses.make_dataclass('Group', list(v))(**v)"


@pytest.mark.parametrize(
    "change",
    [
        "c = types.SimpleNamespace(**{k: types.SimpleNamespace(**v) for k, v in c.items()})",
        f"c = types.SimpleNamespace(**{{k: {FIELDS} for k, v in c.items()}})",
        "c = type('C', (), {k: type(k, (), dict(v)) for k, v in c.items()})",
        "c = type('C', (), {k: type(k, (), dict(v))() for k, v in c.items()})()",
    ],
    ids=["namespaces", "dataclasses", "classes", "objects"],
)
def test_groups_of_any_kind_are_those_of_dicts(tmp_path, change):
    plain = read_configuration(written(tmp_path))
    assert read_configuration(written(tmp_path, change)) == plain


@NEEDS_ML_COLLECTIONS
@pytest.mark.parametrize("kind", ["ConfigDict", "FrozenConfigDict"])
def test_a_config_dict_takes_overrides_frozen_or_not(tmp_path, kind):
    path = written(tmp_path, f"c = mc.{kind}(c)", imports=ML_COLLECTIONS)
    assert read_configuration(path, {"sampling.snr": "0.5"}).card.snr == 0.5


@NEEDS_ML_COLLECTIONS
@pytest.mark.parametrize("kind", ["placeholder", "required_placeholder"])
def test_an_override_fills_a_placeholder(tmp_path, kind):
    change = f"c = mc.ConfigDict(c); c.model.nf = cd.{kind}(int)"
    path = written(tmp_path, change, imports=ML_COLLECTIONS)
    assert read_configuration(path, {"model.nf": "8"}).card.network.nf == 8


@NEEDS_ML_COLLECTIONS
@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("placeholder", "model.nf must be a whole number, got None"),
        ("required_placeholder", "model.nf is missing"),
    ],
)
def test_an_unfilled_placeholder_is_named(tmp_path, kind, sentence):
    change = f"c = mc.ConfigDict(c); c.model.nf = cd.{kind}(int)"
    assert refusal(written(tmp_path, change, imports=ML_COLLECTIONS)) == sentence


@NEEDS_ML_COLLECTIONS
def test_values_that_refer_to_an_overridden_one_follow_it(tmp_path):
    change = "c = mc.ConfigDict(c); c.eval.num_samples = c.eval.get_ref('batch_size') * 2"
    path = written(tmp_path, change, imports=ML_COLLECTIONS)
    assert read_configuration(path, {"eval.batch_size": "5"}).num_samples == 10


def as_text(folder, name, text):
    path = folder / name
    path.write_text(text)
    return path


def values():
    names = {}
    exec(CONFIG, names)
    return names["get_config"]()


def test_json_and_yaml_hold_the_same_groups(tmp_path):
    text = json.dumps(values())  # JSON is YAML too
    plain = read_configuration(written(tmp_path)).card
    assert read_configuration(as_text(tmp_path, "mine.json", text)).card == plain
    assert read_configuration(as_text(tmp_path, "mine.yaml", text)).card == plain


def test_a_small_number_of_yaml_is_a_number(tmp_path):
    text = json.dumps(values()).replace("0.05", "1e-5")
    assert read_configuration(as_text(tmp_path, "mine.yml", text)).card.sde.sigma_min == 1e-5


def test_a_file_whose_get_config_takes_an_argument_is_named_with_it(tmp_path):
    path = written(tmp_path)
    text = path.read_text().replace("get_config()", "get_config(nf)")
    path.write_text(text.replace("return c", "model['nf'] = int(nf); return c"))
    assert read_configuration(Path(f"{path}:8")).card.network.nf == 8
    assert refusal(path).startswith("get_config(nf) cannot be called with 0 arguments; name its")


def test_an_argument_too_many_is_named(tmp_path):
    path = written(tmp_path)
    with pytest.raises(ValueError, match=r"mine\.py: get_config\(\) cannot be called with 1 arg"):
        read_configuration(Path(f"{path}:large"))


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.yaml", "!!python/object:os.system {a: 1}", "not readable as YAML of plain values ("),
        ("a.yml", "a: [1\nb: }", "not readable as YAML of plain values (expected ',' or"),
        ("a.yaml", "", "holds None; expected groups of values"),
        ("a.json", "[1]", "holds [1]; expected groups of values"),
        ("a.json", '{"a":', "not readable as JSON of plain values (Expecting value"),
        ("a.py", "<!DOCTYPE html><html>", "a web page, not the file itself; download it again"),
        ("a.py", "", "has no get_config(); expected a function of this name that returns groups"),
        ("a.py", "get_config = 3", "has no get_config(); expected a function of this name"),
        ("a.py", "print 'x'", "cannot be run (SyntaxError: Missing parentheses"),
        ("a.py", "import no_such_package", "cannot be run (ModuleNotFoundError: No module named "
         "'no_such_package'); it imports no_such_package, install it, or take the import out"),
        ("a.py", "import configs.default_lost", "cannot be run (ModuleNotFoundError: No module "
         "named 'configs.default_lost'); it imports configs.default_lost, put that file into"),
        ("a.py", "def get_config(): raise ValueError('two\\nlines')",
         "cannot be run (ValueError: two lines)"),
        ("a.py", "c = {}; c['c'] = c\ndef get_config(): return c", "cannot be run (RecursionError"),
        ("a.ipynb", "{}", "a notebook; expected a Python file with get_config(), or JSON or YAML"),
        ("a.pth", "x", "a checkpoint, for --checkpoint; expected a Python file with get_config()"),
        ("a.txt", "x", "not a Python file; expected a Python file with get_config(), or JSON or"),
    ],
)  # fmt: skip
def test_a_file_that_holds_no_configuration_is_named_by_its_kind(tmp_path, name, text, sentence):
    assert refusal(as_text(tmp_path, name, text)).startswith(sentence)


def test_a_folder_is_answered_with_a_file_in_it(tmp_path):
    as_text(tmp_path, "a.py", "x = 1")
    path = written(tmp_path)
    with pytest.raises(
        ValueError, match=rf"is a folder; name a configuration file, such as {path}"
    ):
        read_configuration(tmp_path)


@pytest.mark.parametrize("name", ["none.py", "none.py:large", "a" * 5000])
def test_a_file_that_is_not_there_is_named(name):
    with pytest.raises(FileNotFoundError, match="no configuration at "):
        read_configuration(Path(name))
