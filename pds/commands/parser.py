"""The parsers of `pds` and its commands: errors of one line, which suggest the nearest word."""

import argparse
import difflib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from pds.commands.overview import Formatter, print_groups

NAMED = 3
"""Largest number of flags suggested for an unknown one."""

NEAR = 0.7
"""Similarity from which on a command is suggested for an unknown one, 0 to 1."""


class Parser(argparse.ArgumentParser):
    """A parser that reports errors in one line; unknown flags are errors, with the nearest one."""

    _arguments: Sequence[str] = ()

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": Formatter, **options})
        self._positionals.title = "arguments"

    def format_help(self) -> str:
        """Return the help; its usage has what is required, and the options are listed once."""
        self.usage = self.usage or self._usage()
        return super().format_help()

    def _usage(self) -> str:
        required = [action for action in self._get_optional_actions() if action.required]
        parts = [str(action.metavar or action.dest) for action in self._get_positional_actions()]
        parts += map(_typed, required)
        groups = (group for group in self._mutually_exclusive_groups if group.required)
        parts += [f"({' | '.join(map(_typed, group._group_actions))})" for group in groups]
        return " ".join(["%(prog)s", *parts, "[options]"])

    def error(self, message: str) -> NoReturn:
        program = f"python {self.prog}" if self.prog.endswith(".py") else self.prog
        if "are required" in message:
            # A required flag may be there, misspelled.
            message += self._advice(self._arguments)
        end = " See" if message.endswith("?") else "; see"
        self.exit(2, f"{self.prog}: {' '.join(message.split())}{end} {program} --help\n")

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse all arguments; subparsers are called by this name, too."""
        self._arguments = self._with_dotted(sys.argv[1:] if args is None else args)
        known, unknown = super().parse_known_args(self._arguments, namespace)
        if unknown:
            flagged = any(word.startswith("-") for word in unknown)
            advice = self._advice(unknown) if flagged else "; a value with spaces needs quotes"
            self.error(f"unrecognized arguments: {' '.join(unknown)}{advice}")
        return known, unknown

    def _with_dotted(self, args: Sequence[str]) -> list[str]:
        """Add the flags of `Dotted` that the arguments use, and join each with its value."""
        starts = tuple(action.start for action in self._actions if isinstance(action, Dotted))
        rest, parts = list(args), list[str]()
        while rest:
            word = rest.pop(0)
            name, joined, _ = word.partition("=")
            if starts and name.startswith(starts):
                if name not in self._option_string_actions:
                    self.add_argument(name, action=Dotted, help=argparse.SUPPRESS)
                # Joined, so that a value may begin with a dash.
                if not joined and rest and not rest[0].startswith("--"):
                    word = f"{word}={rest.pop(0)}"
            parts.append(word)
        return parts

    def _advice(self, parts: Sequence[str]) -> str:
        """Return advice that suggests a flag for the first unknown one; "" if none is similar."""
        options = self._option_string_actions
        known = {_plain(option): option for option in options if "." not in option}
        flags = [word for word in parts if word.startswith("-")]
        for flag in (flag for flag in flags if flag.partition("=")[0] not in options):
            name = _plain(flag)
            near = difflib.get_close_matches(name, known, n=1) or [
                other for other in known if name and other.startswith(name)
            ]
            if near:
                meant = " or ".join(known[name] for name in near[:NAMED])
                return f"; did you mean {meant} instead of {flag.partition('=')[0]}?"
        return ""


class Overview(Parser):
    """The parser of `pds`, whose help lists the commands in groups.

    Args:
        groups: commands and their sentences, by the title of the group.
        options: of `argparse.ArgumentParser`.
    """

    def __init__(self, groups: Mapping[str, Mapping[str, str]], **options: Any) -> None:
        super().__init__(**options)
        self._groups = groups

    def format_help(self) -> str:
        """Return the help in the order: what pds is, commands, options, examples."""
        formatter = self._get_formatter()
        formatter.add_usage("%(prog)s COMMAND [options]", [], [])
        formatter.add_text(self.description)
        print_groups(formatter, self._groups)
        formatter.start_section("options")
        formatter.add_arguments(self._get_optional_actions())
        formatter.end_section()
        formatter.add_text(self.epilog)
        return formatter.format_help()

    def refuse(self, word: str) -> NoReturn:
        """Exit with the error that the first argument is no command."""
        names = [name for group in self._groups.values() for name in group]
        if word.startswith("-"):
            self.error(f"expected a command before its options, got {word!r}")
        near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=NEAR)
        advice = f"did you mean {near[0]}?" if near else f"the commands are {', '.join(names)}"
        self.error(f"unknown command {word!r}; {advice}")


def _typed(action: argparse.Action) -> str:
    """Return the text of an option with its value, such as --out FILE.png."""
    return f"{action.option_strings[0]} {action.metavar}"


def _plain(option: str) -> str:
    """Return a flag without dashes, value and the part after a point."""
    name = option.partition("=")[0].partition(".")[0]
    return name.lstrip("-").lower().replace("_", "-")


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
