"""The names of samplers: parsed, written, ordered, refused, and used in sentences."""

import re

import pytest

from pds.arms.names import (
    FORMS,
    KINDS,
    MAX_CHARACTERS,
    MENU,
    labels,
    ordered,
    parse,
    parse_all,
)
from pds.models import load_model

NAMES = [f"{kind}:5" if KINDS[kind].strength else kind for kind in KINDS]
OPTIONAL = [kind for kind in KINDS if KINDS[kind].optional]


@pytest.mark.parametrize("name", [*NAMES, *OPTIONAL])
@pytest.mark.parametrize("own", ["", "@40"])
def test_a_name_is_the_text_of_its_arm(name, own):
    arm = parse(name + own)
    assert str(arm) == name + own
    assert arm.name == name
    assert arm.num_steps == (40 if own else None)


@pytest.mark.parametrize("name", [*NAMES, *OPTIONAL])
def test_every_name_is_a_sampler_with_the_n_of_the_comparison_or_its_own(name):
    model = load_model("field64")
    plans = [model.plan(parse(name).at(6), 6), model.plan(parse(f"{name}@6"), 9)]
    calls = {plan.sampler.nfe for plan in plans}
    # Two calls an iteration; Heun's last step has one.
    assert calls == {11 if name == "ode-heun" else 12}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (" pds:5.0 ", "pds:5"),
        ("scalar:1.10", "scalar:1.1"),
        ("pds:1.0000001", "pds:1.0000001"),
        ("pds:1e2@007", "pds:100@7"),
    ],
)
def test_numbers_have_one_spelling(text, name):
    assert str(parse(text)) == name


def test_several_names_are_read_once_each():
    assert parse_all("pds:5.0, vanilla,pds:5") == ("pds:5", "vanilla")


def test_of_all_names_none_has_an_n_of_its_own():
    with pytest.raises(ValueError, match="given for all arms, got pds:5@40"):
        parse_all("vanilla,pds:5@40")


def test_names_are_ordered_by_kind_and_strong_filters_come_first():
    names = ["ode-heun", "pds:5", "scalar:1.1", "pds:2", "vanilla"]
    assert ordered(names) == ["vanilla", "pds:2", "pds:5", "scalar:1.1", "ode-heun"]


def test_an_n_of_its_own_is_kept():
    assert [str(parse(name).at(66)) for name in ("pds:5@40", "pds:5")] == ["pds:5@40", "pds:5@66"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "a sampler is one of vanilla, pds:ALPHA"),
        ("best", "with @N for an N of its own, got 'best'"),
        ("Vanilla", "got 'Vanilla'"),
        (":5", "a sampler is one of"),
        ("@40", "a sampler is one of"),
        ("pds:5 @", "a sampler is one of"),
        ("../../etc/passwd", "got '../../etc/passwd'"),
        ("van\0illa", "a sampler is one of"),
        (5, "a sampler is one of"),
        (None, "a sampler is one of"),
        ("pds", "pds needs its alpha, such as pds:5"),
        ("pds:", "a sampler is one of"),
        ("pds:1", "alpha must be > 1, got 1"),
        ("pds:x", "alpha must be > 1, got nan"),
        ("pds:inf", "alpha must be > 1"),
        ("vanilla:5", "vanilla has no strength, got 'vanilla:5'"),
        ("scalar:0", "the constant of scalar must be > 0"),
        ("scalar:-1", "the constant of scalar must be > 0"),
        ("pds:5@0", "the number of iterations of pds:5 must be a whole number >= 1"),
        ("pds:5@-4", "must be a whole number >= 1"),
        ("pds:5@4.5", "must be a whole number >= 1"),
        ("pds:5@" + "9" * 20, "must be a whole number >= 1"),
        ("pds:5@40@40", "must be a whole number >= 1"),
        ("x" * (MAX_CHARACTERS + 1), "a sampler is one of"),
    ],
    ids=lambda v: str(v)[:20],
)
def test_what_is_no_name_is_refused_in_one_short_sentence(text, sentence):
    with pytest.raises(ValueError) as refused:
        parse(text)
    message = str(refused.value)
    assert sentence in message
    assert message.isprintable() and len(message) < len(FORMS) + 100


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        ("vanilla@66", "pds:5@66", ("vanilla", "PDS")),
        ("vanilla@100", "pds:5@40", ("vanilla at N = 100", "PDS at N = 40")),
        ("pds:3@9", "pds:5@9", ("PDS (pds:3)", "PDS (pds:5)")),
        ("pds:5@9", "pds+space:5@9", ("PDS (pds:5)", "PDS (pds+space:5)")),
        ("tuned@9", "tuned@6", ("tuned at N = 9", "tuned at N = 6")),
    ],
)
def test_labels_name_the_difference_of_two_samplers(left, right, said):
    assert labels(parse(left), parse(right)) == said


def test_every_kind_has_a_title_of_its_own_and_the_menu_begins_with_vanilla():
    assert len({kind.title for kind in KINDS.values()}) == len(KINDS)
    assert MENU[:2] == ("vanilla", "pds")


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_lists_every_kind(kind):
    assert re.search(f"(one of|,) {re.escape(kind)}[:,[]", FORMS)


@pytest.mark.parametrize(
    ("name", "masks"),
    [
        ("vanilla", ()),
        ("natural:5", ()),
        ("scalar:1.1", ()),
        ("ode-heun@9", ()),
        ("scalar", ("frequency",)),
        ("tuned", ("frequency",)),
        ("preserving:5", ("frequency",)),
        ("space:5", ("space",)),
        ("pds+space:5", ("frequency", "space")),
    ],
)
def test_an_arm_says_which_masks_it_is_built_from(name, masks):
    assert parse(name).masks == masks
