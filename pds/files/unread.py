"""Files that gave no picture: why, and the sentences that count and name them by kind."""

from collections.abc import Sequence
from typing import NamedTuple

NUM_NAMES = 5
"""Number of files that a sentence names."""
NAME_CHARACTERS = 60
"""Characters of a name in a sentence."""


class Reason(NamedTuple):
    """Why files of one kind are not read: "3 {noun}s{rest} were not read; {advice}".

    `{it}` in the advice is "it" or "them"; `{enlarge}` and `{range}` are of `Remedies`.
    """

    noun: str
    rest: str = ""
    advice: str = ""


class Unread(ValueError):
    """A file gives no picture.

    Args:
        reason: of all files of this kind.
        detail: of this file, such as the value that is out of range.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason.noun}{reason.rest}")
        self.reason, self.detail = reason, detail


class Skipped(NamedTuple):
    """One file that was not read."""

    name: str
    reason: Reason
    detail: str = ""


class Remedies(NamedTuple):
    """The advice that fits the place where a sentence appears.

    enlarge: to take pictures that are smaller than requested.
    range: to take pictures whose values of black and white are not known.
    """

    enlarge: str = "enlarge {it} first"
    range: str = "save {it} as floats in [0, 1]"


def describe_skipped(skipped: Sequence[Skipped], remedies: Remedies) -> list[str]:
    """Count and name files by reason, the most frequent one first."""
    groups: dict[Reason, list[Skipped]] = {}
    for file in skipped:
        groups.setdefault(file.reason, []).append(file)
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    return [_sentence(reason, files, remedies) for reason, files in ordered]


def _sentence(reason: Reason, files: Sequence[Skipped], remedies: Remedies) -> str:
    one = len(files) == 1
    advice = reason.advice.format(enlarge=remedies.enlarge, range=remedies.range, it="{it}")
    advice = advice.format(it="it" if one else "them")
    names = ", ".join(_name(file) for file in files[:NUM_NAMES])
    more = f" and {len(files) - NUM_NAMES} more" if len(files) > NUM_NAMES else ""
    return (
        f"{len(files)} {reason.noun}{'' if one else 's'}{reason.rest} "
        f"{'was' if one else 'were'} not read{f'; {advice}' if advice else ''}: {names}{more}"
    )


def _name(file: Skipped) -> str:
    name = file.name if file.name.isprintable() else ascii(file.name)[1:-1]
    if len(name) > NAME_CHARACTERS:
        name = f"...{name[3 - NAME_CHARACTERS :]}"
    return f"{name} ({file.detail})" if file.detail else name
