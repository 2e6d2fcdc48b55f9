"""The requests that a public page accepts: bounded, with its own models and filters only.

Values from a browser, a link, a picture or a program are checked here before they are used, so that
no text from outside opens a file or runs a configuration.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pds.arms.names import KINDS, Arm, parse
from pds.limits import (
    MAX_ALPHA,
    MAX_CORRECTOR_STEPS,
    MAX_IMAGES,
    MAX_SEED,
    MAX_SNR,
    MAX_STEPS,
    quoted,
    require_alpha,
    require_snr,
    require_whole,
)
from pds.models import require_model
from pds.request import Request


def hosted(request: Request) -> Request:
    """Return a request after a check that a public page accepts it.

    Raises:
        ValueError: for a path, a model that is neither shipped nor a visitor's, and numbers above
            the `MAX_` of `pds.limits`.
    """
    return from_page(vars(request))


def from_page(values: Mapping[str, object]) -> Request:
    """Build a request from the values that a browser or a program sent.

    Args:
        values: the fields of a `Request` by name; missing ones have their defaults, other names
            are ignored.

    Raises:
        ValueError: as `hosted`, and for values of another type.
    """
    checked: dict[str, Any] = {
        name: check(values[name]) for name, check in _CHECKS.items() if name in values
    }
    request = Request(**checked)
    for arm in request.arms:
        _require_length(arm)
    return request


def _switch(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, got {quoted(value)}")
    return value


def _require_length(arm: Arm) -> None:
    """Raise a ValueError if a branch, with its N, makes a run longer than any other one."""
    num_steps = _iterations(arm, arm.length)
    if num_steps > MAX_STEPS:
        raise ValueError(f"{arm} has {num_steps} iterations, a run has at most {MAX_STEPS}")


def _iterations(arm: Arm, num_steps: int) -> int:
    """Convert the steps of an arm to iterations; a step of Euler is half an iteration."""
    before = 0 if arm.first is None else _iterations(arm.first, arm.after)
    return before + (num_steps - arm.after) // arm.per_iteration


def _arm(name: Any) -> str:
    """Check the name of a sampler, whose numbers have the bounds of the other fields."""
    arm = parse(name)
    for part in arm.parts:
        _require_bounds(part)
    return str(arm)


def _require_bounds(arm: Arm) -> None:
    if arm.num_steps is not None:
        require_whole(f"the number of iterations of {arm.name}", arm.num_steps, 1, MAX_STEPS)
    if arm.strength is not None and arm.strength > MAX_ALPHA:
        kind = KINDS[arm.kind]
        raise ValueError(
            f"the {kind.strength} of {arm.kind} must be at most {MAX_ALPHA:g}, got {arm.strength:g}"
        )


def _none_or(check: Callable[[object], object]) -> Callable[[object], object]:
    return lambda value: None if value is None else check(value)


_CHECKS: dict[str, Callable[[object], object]] = {
    "model": require_model,
    "num_steps": lambda n: require_whole("the number of iterations", n, 1, MAX_STEPS),
    "alpha": lambda alpha: require_alpha(alpha, most=MAX_ALPHA),
    "frequency": partial(_switch, "frequency"),
    "space": partial(_switch, "space"),
    "num_images": lambda n: require_whole("the number of images", n, 1, MAX_IMAGES),
    "seed": lambda n: require_whole("seed", n, 0, MAX_SEED),
    "tuned": partial(_switch, "tuned"),
    "left": _arm,
    "right": lambda name: "" if name == "" else _arm(name),
    "snr": _none_or(partial(require_snr, most=MAX_SNR)),
    "corrector_steps": _none_or(
        lambda n: require_whole("corrector_steps", n, 0, MAX_CORRECTOR_STEPS)
    ),
}
"""A check for each field: returns the value or raises ValueError."""
