"""Values of a configuration replaced by text, as `--config.sampling.snr=0.1` does."""

import ast
import contextlib
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from pds.jobs import config_files, config_keys
from pds.limits import quoted
from pds.scores.ncsnpp.fields import KINDS, typed

Flat = dict[str, Any]
"""Values of a configuration by dotted name."""


def overridden(config: Any, overrides: Mapping[str, str], types: Mapping[str, Any]) -> Flat:
    """Return the flat values of a configuration after some are replaced.

    A text is read in the type of the value that it replaces. Values of a ConfigDict that refer to a
    replaced one follow it.

    Args:
        config: nested groups of values.
        overrides: texts by dotted name, such as {"sampling.snr": "0.1"}.
        types: of the values that sampling uses, which a file may leave out.

    Raises:
        ValueError: for a name that neither the file nor `types` has, or a text of another type.
    """
    flat = config_files.flat(config)
    values = {key: _value(key, text, flat, types) for key, text in overrides.items()}
    for key in values.keys() & flat.keys():
        _set(config, key, values[key])
    return {**config_files.flat(config), **values}


def _set(config: Any, key: str, value: Any) -> None:
    """Set a value of a ConfigDict, for the sake of the values that refer to it."""
    is_frozen = hasattr(config, "as_configdict")
    if not hasattr(config, "update_from_flattened_dict") or is_frozen:
        return
    # It takes no float in place of an int; then only the flat value is replaced.
    with contextlib.suppress(TypeError):
        config.update_from_flattened_dict({key: value})


def _value(key: str, text: str, flat: Flat, types: Mapping[str, Any]) -> Any:
    names = [*types, *(name for name in flat if name not in types)]
    if key not in names:
        raise ValueError(config_keys.unknown(key, names))
    return parsed(key, text, types[key] if key in types else type(flat[key]))


def parsed(key: str, text: str, hint: Any) -> Any:
    """Return a text as a value of a type.

    Args:
        key: name of the value in the error message.
        text: such as 0.1, True, (8, 16) or 8,16.
        hint: what `typed` takes, or any class; a text in place of an unknown class stays a text.

    Raises:
        ValueError: for a text of another type.
    """
    literal = _literal(text.strip())
    if hint in KINDS and hint is not str:
        literal = BOOLS.get(text.strip().lower(), literal) if hint is bool else literal
        if isinstance(literal, str):
            raise ValueError(f"{key} must be {KINDS[hint]}, got {quoted(text)}")
        return typed(key, literal, hint)
    if get_origin(hint) is Literal:
        return typed(key, text.strip().strip("'\"").lower(), hint)
    if hint in (tuple, list) or get_origin(hint) is tuple:
        items = literal if isinstance(literal, tuple | list) else (literal,) if text.strip() else ()
        return typed(key, items, hint) if get_args(hint) else hint(items)
    if hint is type(None):
        return literal
    return text.strip().strip("'\"")


def _literal(text: str) -> Any:
    """Return a number, a tuple or another literal of Python, or else the text."""
    for read in (ast.literal_eval, float):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return text


BOOLS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
