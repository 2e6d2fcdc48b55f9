"""The content of a .pth without running code: torch's weights-only reader, and stand-ins.

A pickle names the classes of which it builds objects. torch's weights-only reader builds tensors
and plain containers, and refuses any other name. Here each other name is bound to a stand-in first,
which keeps nothing and does nothing: a `Foreign` object, or a plain dict or list where the pickle
fills one. So nothing is imported, and what sampling does not need is ignored: numpy's learning
rate, the Namespace or ConfigDict of a training program, the state of Lightning.
"""

import io
import pickle
import pickletools
import struct
import warnings
import zipfile
import zlib
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import torch

from pds.scores.file_kinds import AGAIN, kind_of

DAMAGE = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What torch.load raises for damaged checkpoints, depending on where they are damaged."""

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
"""The first object in a file of torch.save before PyTorch 1.6."""
PROTOCOL = 2
"""Protocol of torch.save's pickles, the only one that torch's weights-only reader supports."""

PLAIN = ("torch.", "collections.OrderedDict", "collections.Counter", "_codecs.", "builtins.")
"""Prefixes of class names that error messages leave out."""

HARMFUL_MODULES = frozenset(
    {"ctypes", "importlib", "nt", "os", "posix", "pty", "runpy", "shutil", "socket", "subprocess",
     "sys"}
)  # fmt: skip
HARMFUL_BUILTINS = frozenset({"__import__", "compile", "eval", "exec", "open"})
"""Names that occur in malicious checkpoints only. A stand-in would not run them either."""

OPERATIONS = {code.name: code for code in pickletools.opcodes}
KEEPING = frozenset({"REDUCE", "NEWOBJ", "BUILD", "SETITEM", "SETITEMS", "APPEND", "APPENDS"})
"""Operations whose product takes the place of their first operand."""

_MARK = object()


class Foreign:
    """A placeholder for an object of a foreign class; keeps only the name of the class."""

    name = ""

    def __new__(cls, *arguments: object) -> Any:
        made = super().__new__(cls)
        # Functions that rebuild objects are given the class first.
        if cls.name.endswith(("_reconstruct", "_reconstructor")) and arguments:
            made.name = getattr(arguments[0], "name", cls.name)
        return made

    def __init__(self, *arguments: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


class _ForeignDict(Foreign):
    def __new__(cls, *_arguments: object) -> Any:
        return OrderedDict()  # torch's reader fills no subclass


class _ForeignList(Foreign):
    def __new__(cls, *_arguments: object) -> Any:
        return []


def describe_class(value: object) -> str:
    """Return the class of a value with its article, such as "an argparse.Namespace"."""
    name = value.name if isinstance(value, Foreign) else type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def unpickle(path: Path) -> dict[str, Any]:
    """Read what torch.save wrote, without running code; foreign objects become `Foreign`.

    Raises:
        FileNotFoundError: if there is no such file.
        OSError: if it cannot be opened.
        ValueError: if the file is damaged, needs code, or does not hold a dict.
    """
    if kind_of(path) != "torch":
        raise ValueError(f"{path} is a safetensors file; expected a file of torch.save")
    with path.open("rb") as file:
        stand_ins = _stand_ins(file, path)
        file.seek(0)
        safe: list[Any] = [(stand_in, stand_in.name) for stand_in in stand_ins]
        try:
            with torch.serialization.safe_globals(safe), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch warns of its own old classes in a file
                checkpoint = torch.load(file, map_location="cpu", weights_only=True)
        except DAMAGE:
            raise ValueError(_refusal(path, [stand_in.name for stand_in in stand_ins])) from None
    if not isinstance(checkpoint, dict):
        raise ValueError(
            f"{path} holds {describe_class(checkpoint)}; expected a dict of tensors by name, "
            "such as state_dict() returns"
        )
    return checkpoint


def _refusal(path: Path, names: Iterable[str]) -> str:
    foreign = [name for name in names if not name.startswith(PLAIN)]
    if not foreign:
        return f"{path} is damaged: it cannot be read to its end; {AGAIN}"
    more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
    return (
        f"{path} is damaged, or holds objects that only code could build "
        f"({', '.join(foreign[:3])}{more}); {AGAIN}, or save its state dicts alone where it was "
        "made"
    )


def _stand_ins(file: IO[bytes], path: Path) -> list[type[Foreign]]:
    """Return a stand-in for each name in the pickle; torch prefers its own class, if it has one.

    Raises:
        ValueError: if the pickle is damaged, not of torch.save, or names what runs programs.
    """
    try:
        kinds = _kinds(_operations(file, path))
    except DAMAGE as error:
        if isinstance(error, ValueError) and str(path) in str(error):
            raise
        raise ValueError(_refusal(path, ())) from None
    for name in kinds:
        module, _, attribute = name.rpartition(".")
        if module.partition(".")[0] in HARMFUL_MODULES or (
            module == "builtins" and attribute in HARMFUL_BUILTINS
        ):
            raise ValueError(
                f"{path} asks for {name} when it is opened, as damaged or malicious files do; "
                "nothing of it was run; use another copy, of a source that you trust"
            )
    return [type("Foreign", (kind,), {"name": name}) for name, kind in sorted(kinds.items())]


def _operations(file: IO[bytes], path: Path) -> Iterator[tuple[str, Any]]:
    """Yield names and arguments of the operations in the pickle, which are not carried out."""
    if file.read(2) == b"PK":
        with zipfile.ZipFile(file) as archive:
            (name,) = [n for n in archive.namelist() if n.partition("/")[2] == "data.pkl"]
            file = io.BytesIO(archive.read(name))
    else:
        file.seek(0)
        head = [argument for operation, argument, _ in pickletools.genops(file)]
        if MAGIC_NUMBER not in head:
            raise ValueError(
                f"{path} is damaged, or a pickle of Python rather than a file of torch.save; save "
                "its tensors with torch.save where it was made"
            )
        for _ in ("version", "system"):
            list(pickletools.genops(file))
    for operation, argument, _ in pickletools.genops(file):
        if operation.name == "PROTO" and argument != PROTOCOL:
            raise ValueError(
                f"{path} is damaged, or written with pickle protocol {argument}, which is not "
                "read without running code; save it with torch.save, without pickle_protocol"
            )
        yield operation.name, argument


def _kinds(operations: Iterable[tuple[str, Any]]) -> dict[str, type[Foreign]]:
    """Follow which named classes a pickle fills like dicts and lists; the others are objects.

    The stack holds the name of the class in place of an object of it, None for any other value.
    """
    kinds: dict[str, type[Foreign]] = {}
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for operation, argument in operations:
        if operation == "GLOBAL":
            stack.append(_name(argument))
            kinds.setdefault(stack[-1], Foreign)
        elif operation in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif operation in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif operation == "MARK":
            stack.append(_MARK)
        else:
            _pop(stack, operation)
            filled = {"SETITEM": _ForeignDict, "APPEND": _ForeignList}.get(operation.rstrip("S"))
            if filled is not None and isinstance(stack[-1], str):
                kinds[stack[-1]] = filled
    return kinds


def _pop(stack: list[Any], operation: str) -> None:
    """Take the operands of an operation off the stack, and leave its product there."""
    code, keeps = OPERATIONS[operation], operation in KEEPING
    if pickletools.markobject in code.stack_before:
        first = max(i for i, value in enumerate(stack) if value is _MARK)
    else:
        first = len(stack) - len(code.stack_before) + (1 if keeps else 0)
    del stack[first:]
    if not keeps:
        stack.extend([None] * len(code.stack_after))


def _name(argument: str) -> str:
    """Return the dotted name of a class, as Python 3 has it."""
    module, _, name = argument.partition(" ")
    module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
    return f"{module}.{name}"
