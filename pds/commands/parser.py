"""The parser of all commands: errors of one line, and for an unknown flag the nearest known one."""

import argparse
import difflib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

NAMED = 3
"""Flags that are named at most where a flag is unknown."""


class Parser(argparse.ArgumentParser):
    """A parser that reports errors in one line; unknown flags are errors, with the nearest one."""

    def error(self, message: str) -> NoReturn:
        program = f"python {self.prog}" if self.prog.endswith(".py") else self.prog
        self.exit(2, f"{self.prog}: {' '.join(message.split())}; see {program} --help\n")

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse all arguments; subparsers are called by this name, too."""
        words = self._with_dotted(sys.argv[1:] if args is None else args)
        known, unknown = super().parse_known_args(words, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}{self._advice(unknown)}")
        return known, unknown

    def _with_dotted(self, args: Sequence[str]) -> list[str]:
        """Add the flags of `Dotted` that the arguments use, and join each with its value."""
        starts = tuple(action.start for action in self._actions if isinstance(action, Dotted))
        rest, words = list(args), list[str]()
        while rest:
            word = rest.pop(0)
            name, joined, _ = word.partition("=")
            if starts and name.startswith(starts):
                if name not in self._option_string_actions:
                    self.add_argument(name, action=Dotted, help=argparse.SUPPRESS)
                # Joined, so that a value may begin with a dash.
                if not joined and rest and not rest[0].startswith("--"):
                    word = f"{word}={rest.pop(0)}"
            words.append(word)
        return words

    def _advice(self, unknown: Sequence[str]) -> str:
        """Return what was probably meant, after a semicolon; "" if nothing is near."""
        flags = [word.partition("=")[0] for word in unknown if word.startswith("-")]
        if not flags:
            return "; a value with spaces needs quotes"
        known = {_plain(option): option for option in self._option_string_actions}
        for flag in map(_plain, flags):
            near = difflib.get_close_matches(flag, known, n=1) or [
                name for name in known if flag and name.startswith(flag)
            ]
            if near:
                return f"; did you mean {' or '.join(known[name] for name in near[:NAMED])}?"
        return ""


def _plain(option: str) -> str:
    return option.lstrip("-").lower().replace("_", "-")


class Dotted(argparse.Action):
    """A family of flags such as --config.sampling.snr 0.1, collected as {"sampling.snr": "0.1"}.

    The flag that is added stands for all that begin as it does, up to its first point.
    """

    def __init__(
        self, option_strings: Sequence[str], dest: str, default: object = None, **options: Any
    ) -> None:
        start, point, _ = option_strings[0].partition(".")
        self.start = start + point
        super().__init__(option_strings, "overrides", default=argparse.SUPPRESS, **options)

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        before: Mapping[str, str] = getattr(namespace, self.dest, {})
        key = self.option_strings[0].removeprefix(self.start)
        setattr(namespace, self.dest, {**before, key: values})
