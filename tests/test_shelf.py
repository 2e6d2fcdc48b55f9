"""What visitors bring is kept for a while, under names that cannot be guessed."""

import pytest

from pds.serving.shelf import Shelf


def test_a_thing_is_found_by_its_name_and_no_other():
    shelf = Shelf(2, "The thing")
    name = shelf.add("a")
    assert shelf[name] == "a"
    assert name in shelf
    with pytest.raises(ValueError, match="The thing is no longer here"):
        shelf[name[:-1]]


def test_the_thing_that_was_used_longest_ago_makes_room():
    shelf = Shelf(2, "The thing")
    first, second = shelf.add("a"), shelf.add("b")
    assert shelf[first] == "a"  # now the newer of the two
    third = shelf.add("c")
    assert [name in shelf for name in (first, second, third)] == [True, False, True]


def test_names_are_long_and_never_repeat():
    shelf = Shelf(1, "The thing")
    names = {shelf.add("same") for _ in range(500)}
    assert len(names) == 500
    assert min(map(len, names)) >= 16
