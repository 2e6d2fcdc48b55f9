"""The number of iterations of a job, N = int(num_scales / speed_up); warnings of unusual ones."""

import math
import warnings
from collections.abc import Sequence

from pds.scores.ncsnpp import ModelCard

MOST = 1_000_000
"""Iterations that a job can have."""


def num_steps(card: ModelCard, speed_up: float) -> int:
    """Return N of a model at a speed-up.

    Raises:
        ValueError: if the speed-up is no number above 0, leaves no iteration, gives more than
            `MOST`, or ends the sampling where it starts.
    """
    require_speed_up(speed_up)
    ratio, end = card.num_scales / speed_up, card.sde.eps_per_speed_up * speed_up
    if ratio < 1:
        raise ValueError(
            f"speed_up {speed_up:g} leaves no iteration of the {card.num_scales} that the model "
            f"has; use at most {card.num_scales}"
        )
    if ratio > MOST:
        raise ValueError(
            f"speed_up {speed_up:g} gives {ratio:.3g} iterations; use 1 for the "
            f"{card.num_scales} that the model has"
        )
    if end >= 1:
        raise ValueError(
            f"speed_up {speed_up:g} would end the sampling at time {end:g}, and it starts at 1; "
            f"use a smaller one, 1 takes all {card.num_scales} iterations"
        )
    return int(ratio)


def require_speed_up(speed_up: float) -> None:
    """Refuse a speed-up that is no finite number above 0.

    Raises:
        ValueError: if it is not.
    """
    if not 0 < speed_up < math.inf:
        raise ValueError(
            f"speed_up must be a number above 0, got {speed_up:g}; 30 takes a thirtieth of the "
            "iterations, 1 takes all of them"
        )


def remark(counts: Sequence[int], num_scales: int) -> None:
    """Warn of valid but unusual numbers of iterations: 1, and more than num_scales."""
    if min(counts) == 1:
        warnings.warn(
            "N = 1, a single iteration, gives little but noise; a smaller speed_up gives images",
            UserWarning,
            stacklevel=2,
        )
    if max(counts) > num_scales:
        warnings.warn(
            f"N = {max(counts)} is more than the {num_scales} noise levels of the model; that "
            f"works, and takes {max(counts) / num_scales:.3g} times as long as speed_up 1",
            UserWarning,
            stacklevel=2,
        )
