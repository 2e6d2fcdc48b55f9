"""Limits: one module and the documents have the same values; they hold at the boundary."""

import ast

import pytest

from pds import limits
from pds.jobs.hosting import from_page
from tests.support.paths import ROOT
from tools.limits import rows, table

DOCUMENT = ROOT / "docs" / "operations.md"


def test_the_documents_list_every_limit_with_its_value():
    assert table() in DOCUMENT.read_text(encoding="utf-8"), "python -m tools.limits"


def test_every_limit_says_of_what_it_is_one():
    names = [name for name in vars(limits) if name.isupper() and not name.startswith("_")]
    assert [name for name, _, _ in rows()] == names
    assert all(len(meaning) > 10 for _, _, meaning in rows())


def constants(path):
    """Names that a file assigns at its top level."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def test_no_other_module_keeps_a_limit_of_the_same_name():
    others = (path for path in (ROOT / "pds").rglob("*.py") if path.name != "limits.py")
    names = {name for name in vars(limits) if name.isupper()}
    copies = {path: names.intersection(constants(path)) for path in others}
    assert {path: found for path, found in copies.items() if found} == {}


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("num_steps", limits.MAX_STEPS),
        ("num_images", limits.MAX_IMAGES),
        ("seed", limits.MAX_SEED),
        ("alpha", limits.MAX_ALPHA),
    ],
)
def test_a_request_takes_the_limit_itself_and_nothing_above(name, most):
    from_page({name: most})
    with pytest.raises(ValueError, match="must be"):
        from_page({name: most * 1.001 if name == "alpha" else most + 1})


class Huge:
    def __repr__(self):
        return "x" * 10**6


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    ["a" * 10**6, [["b" * 99] * 99] * 99, {i: i for i in range(10**5)}, Huge(), nested(10_000)],
    ids=["long", "wide", "many", "huge", "deep"],
)
def test_what_is_refused_is_quoted_shortly_and_without_being_written_out(value):
    assert len(limits.quoted(value)) <= limits.MAX_QUOTED


@pytest.mark.parametrize(("value", "text"), [("<b>", "'<b>'"), (float("nan"), "nan")])
def test_what_is_short_is_quoted_as_it_is(value, text):
    assert limits.quoted(value) == text


def test_a_sentence_is_one_line_that_can_be_encoded():
    line = limits.error_message(ValueError("a\n b\t\ud800" + "c" * 10**6))
    assert line.startswith("a b \\ud800ccc")
    assert len(line) == limits.MAX_SENTENCE
    line.encode()
