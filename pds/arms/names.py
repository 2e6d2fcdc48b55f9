"""The arms of a comparison: samplers by their names.

A name is KIND, KIND:STRENGTH or KIND:STRENGTH@N, with its own number of iterations N: `vanilla`,
`pds:5`, `pds:5@40`. Evaluations, the page, its links, the API and both command lines use the same
names. `pds.arms.samplers` builds the samplers.

A name may be a branch, FIRST/K/THEN: K iterations of FIRST, then THEN from that state to the end.
`vanilla@40/20/pds:5@10` is 20 iterations of vanilla at N = 40, then 10 of pds:5; without @10 THEN
has as many iterations as FIRST has left. FIRST may be a branch itself.

| name                         | what it is                                                       |
|------------------------------|------------------------------------------------------------------|
| vanilla                      | M = I                                                            |
| pds:A, pds+space:A, space:A  | the published form at alpha = A: with the frequency filter, with |
|                              | both, with the space filter                                      |
| natural:A                    | the published form with `filters.natural`, which needs no data   |
| inverted:A                   | gain 1/r, which shortens the steps that PDS lengthens            |
| preserving:A                 | the predictor that keeps p_t for every M                         |
| corrector:A, predictor:A     | M in this kernel only; the initial noise is not filtered         |
| tuned                        | M = I with the noise levels and the corrector's snr that are     |
|                              | best at this N for Gaussian data of the model's spectrum         |
| response                     | the levels, the corrector's snr and the gain of each octave      |
|                              | that are best at this N by the response of the network           |
| levels, snr                  | only the noise levels, or only the snr, of tuned                 |
| tuned+gain, tuned+pds:A      | tuned, with the best gain on top, or the published filter        |
| gain                         | the best radial gain for such data, on the published levels      |
| split                        | a separate best gain for the predictor and for the corrector     |
| steady                       | the best gain of those with which no step overshoots             |
| scalar                       | M = c I with the best c for such data: only a step size          |
| scalar:C                     | M = c I with c = C                                               |
| ode-heun, ode-euler          | the probability flow, with the network calls of N iterations of  |
|                              | one predictor and one corrector                                  |
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from pds.limits import MAX_STEPS, quoted, require_alpha, require_positive, require_whole


class Kind(NamedTuple):
    """A kind of sampler.

    title: in a list of them.
    label: within a sentence.
    strength: what the number behind the colon is, "" for a kind without one.
    optional: whether the number may be missing.
    """

    title: str
    label: str
    strength: Literal["", "alpha", "constant"] = ""
    optional: bool = False


KINDS = {
    "vanilla": Kind("Vanilla", "vanilla"),
    "pds": Kind("PDS", "PDS", "alpha"),
    "pds+space": Kind("PDS, both filters", "PDS", "alpha"),
    "space": Kind("PDS, space filter", "PDS", "alpha"),
    "scalar": Kind("Constant gain", "constant gain", "constant", optional=True),
    "tuned": Kind("Tuned to the spectrum", "tuned"),
    "response": Kind("Tuned to the network", "network-tuned"),
    "preserving": Kind("PDS, marginal-preserving", "marginal-preserving PDS", "alpha"),
    "corrector": Kind("PDS, corrector only", "PDS in the corrector", "alpha"),
    "predictor": Kind("PDS, predictor only", "PDS in the predictor", "alpha"),
    "ode-heun": Kind("Heun, probability flow", "Heun"),
    "ode-euler": Kind("Euler, probability flow", "Euler"),
    "inverted": Kind("Inverted filter", "inverted filter", "alpha"),
    "natural": Kind("PDS, natural filter", "PDS with the natural filter", "alpha"),
    "levels": Kind("Tuned noise levels", "tuned noise levels"),
    "snr": Kind("Tuned snr", "tuned snr"),
    "gain": Kind("Best gain", "best gain"),
    "split": Kind("Best gain of each kernel", "best gains"),
    "steady": Kind("Best steady gain", "best steady gain"),
    "tuned+gain": Kind("Tuned, best gain", "tuned with the best gain"),
    "tuned+pds": Kind("Tuned, PDS", "tuned with PDS", "alpha"),
}
"""All kinds, in the order of tables."""

MENU = tuple(KINDS)[:12]
"""The kinds of the page's menus."""

UNFILTERED = ("vanilla", "natural", "response", "ode-heun", "ode-euler")
"""The kinds that need no statistics of the data."""

MAX_CHARACTERS = 150
"""Longest name."""

MAX_BRANCHES = 2
"""Most branches in a name: a branch, and a branch of it."""

BRANCH_FORM = "a branch is FIRST/K/THEN, such as vanilla@40/20/pds:5"

_FORM = re.compile(r"(?P<kind>[^:@]+)(:(?P<strength>[^@]+))?(@(?P<num_steps>.+))?")


@dataclass(frozen=True)
class Arm:
    """A sampler by its name, from the start or continuing from an iteration of another sampler.

    Args:
        kind: one of `KINDS`.
        strength: its alpha or constant, None for a kind without one.
        num_steps: N of its own, None for the comparison's; of a branch, the iterations after it,
            None for those that `first` had left.
        first: the sampler of the iterations before, None for a sampler from the start.
        after: number of these iterations.

    Raises:
        ValueError: for an unknown kind, or a number out of range.
    """

    kind: str
    strength: float | None = None
    num_steps: int | None = None
    first: "Arm | None" = None
    after: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(_unknown(self.kind))
        kind = KINDS[self.kind]
        if self.strength is None and kind.strength and not kind.optional:
            raise ValueError(f"{self.kind} needs its {kind.strength}, such as {self.kind}:5")
        if self.strength is not None:
            if not kind.strength:
                raise ValueError(f"{self.kind} has no strength, got {quoted(self.name)}")
            strength = (
                require_alpha(self.strength)
                if kind.strength == "alpha"
                else require_positive(f"the constant of {self.kind}", self.strength)
            )
            object.__setattr__(self, "strength", strength)
        if self.num_steps is not None:
            whole = require_whole(f"the number of iterations of {self.name}", self.num_steps, 1)
            object.__setattr__(self, "num_steps", whole)
        if self.first is not None:
            _require_branch(self.first, self.after)

    @property
    def own_name(self) -> str:
        """The name without numbers of iterations, of a branch that of the sampler after it."""
        return self.kind if self.strength is None else f"{self.kind}:{self.strength:.12g}"

    @property
    def name(self) -> str:
        """The name without a number of iterations of its own, such as pds:5."""
        before = "" if self.first is None else f"{self.first}/{self.after}/"
        return before + self.own_name

    def __str__(self) -> str:
        return self.name if self.num_steps is None else f"{self.name}@{self.num_steps}"

    def at(self, num_steps: int) -> "Arm":
        """Return the arm with a number of iterations, its own if it has one.

        Raises:
            ValueError: for a branch beyond the iterations of its first sampler.
        """
        if self.first is not None:
            first = self.first.at(num_steps)
            _require_branch(first, self.after)
            own = self.num_steps or self._remaining(first)
            return replace(self, first=first, num_steps=own)
        return self if self.num_steps is not None else replace(self, num_steps=num_steps)

    def _remaining(self, first: "Arm") -> int:
        """Return the iterations that the first sampler, with its N, had left, at least 1."""
        return max(1, round((first.length - self.after) / first.per_iteration))

    @property
    def per_iteration(self) -> int:
        """The steps of the sampler for each of its N: 2 for Euler."""
        return 2 if self.kind == "ode-euler" else 1

    @property
    def length(self) -> int:
        """The number of steps that a run of the sampler shows; the arm must have its N."""
        return self.after + self.per_iteration * _known(self.num_steps)

    @property
    def then(self) -> "Arm":
        """The sampler after the branch as one from the start, at the N of its `pace`."""
        return replace(self, num_steps=self.pace, first=None, after=0)

    @property
    def pace(self) -> int:
        """N of a sampler from the start whose steps are as long as the last ones of this one.

        A branch that continues with the same sampler and the remaining iterations has its pace. The
        arm must have its N.
        """
        num_steps = _known(self.num_steps)
        if self.first is None:
            return num_steps
        left = (self.first.length - self.after) / self.first.per_iteration
        most = max(self.first.pace, MAX_STEPS)  # bounds the time that tuning takes
        return max(1, min(round(self.first.pace * num_steps / left), most))

    @property
    def label(self) -> str:
        """What the sampler is called within a sentence, with numbers only where they are needed.

        A branch is called by the samplers before and after it, see `labels`.
        """
        label = KINDS[self.kind].label
        if self.first is None:
            return label
        if self.first.kind == self.kind and self.first.strength != self.strength:
            label = f"{label} ({self.own_name})"
        known = self.num_steps is not None and self.first.num_steps is not None
        if known and self.num_steps != self._remaining(self.first):
            label = f"{self.num_steps} steps of {label}"
        return f"{KINDS[self.first.kind].label} with {label} from {self.after} on"

    @property
    def parts(self) -> tuple["Arm", ...]:
        """The samplers of a branch in order, each as one from the start; else the arm alone."""
        earlier = () if self.first is None else self.first.parts
        return (*earlier, replace(self, first=None, after=0))

    @property
    def masks(self) -> tuple[str, ...]:
        """The masks of the data that the sampler is built from."""
        earlier = () if self.first is None else self.first.masks
        if self.kind in UNFILTERED or (self.kind == "scalar" and self.strength is not None):
            return earlier
        masks = {"pds+space": ("frequency", "space"), "space": ("space",)}
        return tuple(dict.fromkeys((*earlier, *masks.get(self.kind, ("frequency",)))))


def parse(text: str) -> Arm:
    """Return the arm of a name such as pds:5@40.

    Raises:
        ValueError: for an unknown name, or a number out of range.
    """
    if not isinstance(text, str) or len(text) > MAX_CHARACTERS:
        raise ValueError(_unknown(text))
    start, *branches = text.split("/")
    afters, names = branches[::2], branches[1::2]
    if len(afters) != len(names) or not all(map(_is_whole, afters)):
        raise ValueError(f"{BRANCH_FORM}, got {quoted(text)}")
    if len(names) > MAX_BRANCHES:
        raise ValueError(
            f"a sampler has at most {MAX_BRANCHES} branches, got {len(names)} in {quoted(text)}"
        )
    arm = _parse_plain(start)
    for after, name in zip(afters, names, strict=True):
        arm = replace(_parse_plain(name), first=arm, after=int(after))
    return arm


def _parse_plain(text: str) -> Arm:
    """Return the arm of a name without branches."""
    match = _FORM.fullmatch(text.strip())
    if match is None or match["kind"] not in KINDS:
        raise ValueError(_unknown(text))
    strength, num_steps = match["strength"], match["num_steps"]
    return Arm(
        match["kind"],
        None if strength is None else _number(strength),
        None if num_steps is None else _whole(num_steps),
    )


def parse_all(text: str) -> tuple[str, ...]:
    """Read names such as vanilla,pds:5, without duplicates and in normal form.

    Raises:
        ValueError: as `parse` does, and for one with a number of iterations.
    """
    arms = [parse(name) for name in text.split(",")]
    for arm in arms:
        if arm.first is not None:
            raise ValueError(f"a branch belongs to one number of iterations, got {arm}")
        if arm.num_steps is not None:
            raise ValueError(f"the numbers of iterations are given for all arms, got {arm}")
    return tuple(dict.fromkeys(arm.name for arm in arms))


def ordered(arm_names: Sequence[str]) -> list[str]:
    """Return names in the order of `KINDS`, strong filters before weak ones."""
    kinds = list(KINDS)
    arms = sorted(map(parse, arm_names), key=lambda a: (kinds.index(a.kind), a.strength or 0))
    return [arm.name for arm in arms]


def labels(left: Arm, right: Arm) -> tuple[str, str]:
    """Return what two arms are called in a sentence: with numbers only where they are needed.

    Args:
        left, right: with their numbers of iterations.
    """
    arms = left, right
    one, other = (arm.label for arm in arms)
    if one == other and left.name != right.name:
        one, other = (f"{arm.label} ({arm.name})" for arm in arms)
    counts = [arm.parts[0].num_steps for arm in arms]
    if counts[0] != counts[1]:
        one, other = (
            f"{name} at N = {count}" for name, count in zip((one, other), counts, strict=True)
        )
    return one, other


def _require_branch(first: Arm, after: object) -> None:
    """Raise a ValueError unless an arm, maybe without its N yet, has a state after K iterations."""
    start, most = first.after + 1, math.inf
    if first.num_steps is not None:
        most = first.length - 1
    if most < start:
        raise ValueError(f"a run of {first} has no iteration to continue from; it needs at least 2")
    require_whole(f"the iteration of {first} to continue from", after, start, most)


def _known(num_steps: int | None) -> int:
    assert num_steps is not None, "the arm has no N yet, see Arm.at"
    return num_steps


def _whole(text: str) -> int:
    """Read a whole number of digits only; other text becomes 0, which every check refuses."""
    return int(text) if _is_whole(text) else 0


def _is_whole(text: str) -> bool:
    return re.fullmatch("[0-9]{1,9}", text) is not None


def _number(text: str) -> float:
    """Read a number; other text becomes nan, which every check refuses."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _unknown(text: object) -> str:
    return f"{FORMS}, got {quoted(text)}"


def _form(name: str) -> str:
    kind = KINDS[name]
    if not kind.strength:
        return name
    letter = "ALPHA" if kind.strength == "alpha" else "C"
    return f"{name}[:{letter}]" if kind.optional else f"{name}:{letter}"


FORMS = f"a sampler is one of {', '.join(map(_form, KINDS))}, with @N for an N of its own"
"""The forms of all names in a sentence."""
