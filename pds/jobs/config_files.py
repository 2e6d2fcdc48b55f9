"""The values in a configuration file, whatever kind of file holds them.

A file is Python with a `get_config()`, or JSON or YAML with the same groups. What `get_config()`
returns may be dicts, a ConfigDict, dataclasses, namespaces or classes, nested to any depth. Flat,
it is {"model.nf": 128, ...}.
"""

import importlib.util
import inspect
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

from pds.files.shipped import ROOT
from pds.limits import error_message, quoted

PYTHON_FILE = "expected a Python file with get_config(), or JSON or YAML with the same groups"
OTHER_KINDS = {
    ".ipynb": "a notebook",
    ".npy": "an array, such as a mask",
    ".toml": "a TOML file",
    **dict.fromkeys((".pth", ".pt", ".ckpt", ".safetensors"), "a checkpoint, for --checkpoint"),
}
"""Kinds of files that hold no configuration, by their ending."""


def split_argument(path: Path) -> tuple[Path, str | None]:
    """Split a path such as config.py:argument, whose argument is for `get_config`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is a folder.
    """
    argument = None
    if not os.path.exists(path) and ".py:" in path.name:
        front, _, argument = str(path).rpartition(".py:")
        path = Path(f"{front}.py")
    if os.path.isdir(path):
        files = sorted(path.glob("*.py"))
        inside = [file for file in files if b"def get_config(" in file.read_bytes()][:1]
        advice = f", such as {inside[0]}" if inside else ""
        raise ValueError(f"{path} is a folder; name a configuration file{advice}")
    # Unlike Path.is_file, it accepts a name of any length.
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"no configuration at {path}; {PYTHON_FILE}, such as configs/ve/portraits32_ncsnpp.py"
        )
    return path, argument


def contents(path: Path, argument: str | None) -> Any:
    """Return what a file holds: nested groups of values.

    Args:
        path: the file; a Python file is trusted as code and run.
        argument: for its `get_config`, or None.

    Raises:
        ValueError: if it cannot be read or run, or holds something else.
    """
    with path.open("rb") as file:
        head = file.read(512).lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")):
        raise ValueError("a web page, not the file itself; download it again, from its raw view")
    suffix = path.suffix.lower()
    if suffix in (".json", ".yaml", ".yml"):
        return _parsed(path)
    if suffix == ".py":
        with _imports_of(path.resolve()):
            return _get_config(path, argument)
    kind = OTHER_KINDS.get(suffix)
    raise ValueError(f"{kind or 'not a Python file'}; {PYTHON_FILE}")


def flat(config: Any) -> dict[str, Any]:
    """Return {"model.nf": 128, ...} of nested groups, with references resolved."""
    return _ran(dict, _flat(config, ""))


def _flat(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in _items(group) or ():
        key = f"{prefix}{name}"
        if type(value).__name__ == "FieldReference":
            from ml_collections.config_dict import RequiredValueError

            try:
                value = value.get()
            except RequiredValueError:
                continue
        if _items(value) is None:
            yield key, value
        else:
            yield from _flat(value, f"{key}.")


def _items(group: Any) -> list[tuple[str, Any]] | None:
    """Return the names and values of a group, None for a single value."""
    if hasattr(group, "get_oneway_ref"):
        # A ConfigDict, which fails to resolve a required placeholder.
        return list(group.items(preserve_field_references=True))
    if isinstance(group, Mapping):
        return [(str(name), value) for name, value in group.items()]
    is_class = isinstance(group, type)
    is_value = not hasattr(group, "__dict__") or callable(group) or hasattr(group, "shape")
    if is_value and not is_class:
        return None
    classes = (group if is_class else type(group)).__mro__
    inherited = [name for each in reversed(classes) for name in vars(each)]
    names = [n for n in dict.fromkeys([*inherited, *vars(group)]) if not n.startswith("_")]
    attributes = [(name, getattr(group, name)) for name in names]
    return [(n, v) for n, v in attributes if isinstance(v, type) or not callable(v)]


def _parsed(path: Path) -> Any:
    """Return the content of a JSON or YAML file."""
    kind = "JSON" if path.suffix.lower() == ".json" else "YAML"
    try:
        text = path.read_text(encoding="utf-8")
        config = json.loads(text) if kind == "JSON" else _yaml(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"not readable as {kind} of plain values ({error_message(error)})"
        ) from None
    if not isinstance(config, Mapping):
        raise ValueError(f"holds {quoted(config)}; expected groups of values")
    return config


def _yaml(text: str) -> Any:
    """Return YAML of plain values, with 1e-5 as a number, which YAML 1.1 takes for a text.

    Raises:
        ValueError: for anything else, such as a tag of a Python class.
    """
    # It comes with ml_collections.
    import yaml

    loader: Any = type("Loader", (yaml.SafeLoader,), {})
    number = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$")
    loader.add_implicit_resolver("tag:yaml.org,2002:float", number, list("-+0123456789"))
    try:
        return yaml.load(text, loader)
    except yaml.YAMLError as error:
        mark, reason = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        place = f", line {mark.line + 1}" if mark else ""
        raise ValueError(f"{reason or error}{place}") from None


def _get_config(path: Path, argument: str | None) -> Any:
    """Run a Python file and call its get_config()."""
    loader = SourceFileLoader(f"_configuration_{path.stem}", str(path.resolve()))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    _ran(loader.exec_module, module)
    get_config = getattr(module, "get_config", None)
    if not callable(get_config):
        names = [name for name in vars(module) if not name.startswith("_")]
        raise ValueError(
            "has no get_config(); expected a function of this name that returns groups of values, "
            f"found {', '.join(names[:5]) or 'nothing'}"
        )
    config = _ran(get_config, *_arguments(get_config, argument))
    if _ran(_items, config) is None:
        raise ValueError(
            f"get_config() returned a {type(config).__name__}, not a configuration; expected "
            "groups of values, such as those of a ConfigDict or of dicts"
        )
    return config


def _arguments(get_config: Callable[..., Any], argument: str | None) -> tuple[str, ...]:
    """Return what to call get_config with.

    Raises:
        ValueError: if it needs another number of arguments.
    """
    given = () if argument is None else (argument,)
    signature = inspect.signature(get_config)
    try:
        signature.bind(*given)
    except TypeError:
        advice = "leave out the part after the colon"
        if argument is None:
            advice = "name its argument behind the path, as in config.py:ARGUMENT"
        raise ValueError(
            f"get_config{signature} cannot be called with {len(given)} arguments; {advice}"
        ) from None
    return given


def _ran(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call code of a file, which may raise anything; the error becomes one sentence."""
    try:
        return function(*arguments)
    except (Exception, SystemExit) as error:
        failure = error
        reason = f"cannot be run ({type(error).__name__}: {error_message(error)})"
    if isinstance(failure, ModuleNotFoundError) and failure.name:
        advice = "install it, or take the import out of the file"
        if failure.name.partition(".")[0] == "configs":
            advice = "put that file into the folder configs beside this one"
        reason += f"; it imports {failure.name}, {advice}"
    raise ValueError(reason)


@contextmanager
def _imports_of(path: Path) -> Iterator[None]:
    """Let a file import its own `configs` package, or else ours; then restore all modules."""
    own = [folder.parent for folder in path.parents if folder.name == "configs"]
    kept_path, kept_bytecode = sys.path[:], sys.dont_write_bytecode
    kept = _take_configs()
    sys.path[:0] = [str(folder) for folder in (*own, path.parent)]
    sys.path.append(str(ROOT))
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:], sys.dont_write_bytecode = kept_path, kept_bytecode
        _take_configs()
        sys.modules.update(kept)


def _take_configs() -> dict[str, Any]:
    """Remove the `configs` package from the loaded modules and return those removed."""
    names = [name for name in sys.modules if name == "configs" or name.startswith("configs.")]
    return {name: sys.modules.pop(name) for name in names}
