"""Values from files, checked against the annotations of the dataclass that takes them."""

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields
from numbers import Integral, Real
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pds.limits import quoted


def type_fields(instance: Any) -> None:
    """Replace the fields of a frozen dataclass by what `typed` returns for their annotations.

    Raises:
        ValueError: for a value of another type; the message begins with the name of the field.
    """
    hints = get_type_hints(type(instance))
    for field in fields(instance):
        value = typed(field.name, getattr(instance, field.name), hints[field.name])
        object.__setattr__(instance, field.name, value)


def typed(name: str, value: object, hint: Any) -> Any:
    """Return a value in the type of an annotation.

    Numbers of numpy become those of Python, 128.0 is the whole number 128, 0 and 1 are False and
    True, lists and arrays become tuples, options lower case. An int stays one where a float is
    expected.

    Args:
        name: of the value in the error message.
        value: the value to check.
        hint: bool, int, float, str, a Literal of strings, tuple[int, ...], tuple[float, ...], or a
            class or union of classes.

    Raises:
        ValueError: for a value of another type, or a number that is not finite.
    """
    plain = _plain(value)
    if get_origin(hint) is Literal:
        options = get_args(hint)
        plain = plain.lower() if isinstance(plain, str) else plain
        if plain not in options:
            raise ValueError(f"{name} must be one of {', '.join(options)}, got {quoted(plain)}")
        return plain
    if get_origin(hint) is tuple:
        return _typed_tuple(name, plain, get_args(hint)[0])
    if hint in CHECKS:
        kind, checked = KINDS[hint], CHECKS[hint](plain)
    else:
        classes = get_args(hint) if isinstance(hint, UnionType) else (hint,)
        kind = f"of type {' or '.join(each.__name__ for each in classes)}"
        checked = plain if isinstance(plain, classes) else None
    if checked is None:
        advice = "; write it without quotes" if isinstance(plain, str) and hint in CHECKS else ""
        raise ValueError(f"{name} must be {kind}, got {quoted(plain)}{advice}")
    return checked


def known_fields(owner: type, values: object, name: str) -> Mapping[str, Any]:
    """Return values whose names are fields of a dataclass, all those without a default among them.

    Args:
        owner: the dataclass.
        values: the values by name.
        name: of the values in the error message.

    Raises:
        ValueError: for anything but a mapping, or for an unknown or a missing name.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"{name} must hold names and values, got {quoted(values)}")
    names = {field.name for field in fields(owner)}
    needed = {field.name for field in fields(owner) if field.default is MISSING}
    if unknown := set(values) - names:
        raise ValueError(f"{name} has {min(map(str, unknown))}, which is unknown here")
    if missing := needed - set(values):
        raise ValueError(f"{name} has no {min(missing)}")
    return values


def _typed_tuple(name: str, value: object, item: Any) -> tuple[Any, ...]:
    kind = "whole numbers" if item is int else "numbers"
    items = [CHECKS[item](_plain(v)) for v in value] if isinstance(value, list | tuple) else [None]
    if None in items:
        advice = ""
        if CHECKS[item](value) is not None:
            advice = f"; a single one is written ({value},)"
        elif isinstance(value, str):
            advice = "; write it without quotes, such as (1, 2)"
        raise ValueError(f"{name} must list {kind}, got {quoted(value)}{advice}")
    return tuple(items)


def _plain(value: object) -> object:
    """Return numbers and arrays of numpy or torch as numbers and lists of Python."""
    shape = getattr(value, "shape", None)
    if shape is None or not hasattr(value, "tolist"):
        return value
    return value.tolist()


def _bool(value: object) -> bool | None:
    is_bool = isinstance(value, bool) or (isinstance(value, Integral) and value in (0, 1))
    return bool(value) if is_bool else None


def _int(value: object) -> int | None:
    number = _float(value)
    if number is None or number != int(number):
        return None
    return int(number)


def _float(value: object) -> float | None:
    if not isinstance(value, Real) or isinstance(value, bool):
        return None
    try:
        finite = math.isfinite(value)
    except OverflowError:
        return None
    if not finite:
        return None
    return int(value) if isinstance(value, Integral) else float(value)


def _str(value: object) -> str | None:
    return value if isinstance(value, str) else None


CHECKS: dict[Any, Any] = {bool: _bool, int: _int, float: _float, str: _str}
"""Functions that return a value in a type, or None."""
KINDS = {
    bool: "True or False",
    int: "a whole number",
    float: "a finite number",
    str: "a string",
}
