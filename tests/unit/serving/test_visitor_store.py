"""Models and masks of visitors are kept for a visit, under random names."""

import pytest

from pds.serving.visitor_store import VisitorStore


def test_a_thing_is_found_by_its_name_and_no_other():
    store = VisitorStore(2, "The thing")
    name = store.add("a")
    assert store[name] == "a"
    assert name in store
    with pytest.raises(ValueError, match="The thing is no longer on the server"):
        store[name[:-1]]


def test_the_thing_that_was_used_longest_ago_makes_room():
    store = VisitorStore(2, "The thing")
    first, second = store.add("a"), store.add("b")
    assert store[first] == "a"  # now the newer of the two
    third = store.add("c")
    assert [name in store for name in (first, second, third)] == [True, False, True]


def test_names_are_long_and_never_repeat():
    store = VisitorStore(1, "The thing")
    names = {store.add("same") for _ in range(500)}
    assert len(names) == 500
    assert min(map(len, names)) >= 16
