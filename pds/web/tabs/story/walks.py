"""The walks of the story's first step: checked settings, and what the chains do."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pds.limits import require_choice
from pds.theory import langevin
from pds.theory.langevin import Move
from pds.theory.plane import Gaussian, Target, root
from pds.web.tabs.story import targets
from pds.web.tabs.story.values import require_number

SAMPLERS = ("ULA", "MALA")
NUM_STEPS = 120
"""Steps that are shown."""
NUM_SHOWN = 60
"""Walks that are shown."""
NUM_WALKS = 300
"""Number of walks that estimate mean and covariance where they are not exact."""
FAR = 1e4
"""Distance beyond which a walk has diverged."""


class Settings(NamedTuple):
    """The checked values of the controls.

    target, name: the density.
    sampler: one of `SAMPLERS`.
    start: where all walks begin, (2,).
    power: the share p of M = C^(p/2).
    swirl: S = swirl J / sqrt(det H), H the target's mean curvature, J the quarter turn.
    moves: of both panels, "vanilla" and "M".
    """

    target: Target
    name: str
    sampler: str
    start: Tensor
    power: float
    swirl: float
    moves: Mapping[str, Move]

    @property
    def exact(self) -> bool:
        """Return whether mean and covariance are exact: those of ULA on a Gaussian."""
        return self.sampler == "ULA" and isinstance(self.target, Gaussian)


class Walks(NamedTuple):
    """Chains of one panel, (T, N, 2), their mean (T, 2) and covariance (T, 2, 2).

    acceptance: share of the steps that MALA accepts, None for ULA.
    """

    chains: Tensor
    mean: Tensor
    covariance: Tensor
    acceptance: float | None

    @property
    def diverged(self) -> float:
        """Return the share of the chains that end far away."""
        return float((~(self.chains[-1].abs() < FAR).all(-1)).double().mean())


def require_settings(values: Mapping[str, Any]) -> Settings:
    """Return the settings that the page sends.

    Raises:
        ValueError: for an unknown name or a value out of range.
    """
    target = targets.require_target(values)
    sampler = require_choice("sampler", values.get("sampler"), SAMPLERS)
    start = torch.tensor(targets.require_point(values.get("start"), "start"), dtype=torch.float64)
    ranges = {"length": (0.001, 3), "power": (0, 1), "swirl": (0, 5)}
    length, power, swirl = (require_number(values, name, *ends) for name, ends in ranges.items())
    if swirl and sampler == "MALA":
        raise ValueError(f"swirl must be 0 with MALA, got {swirl:g}; MALA takes no S")
    skew = swirl / math.sqrt(float(torch.linalg.det(target.curvature)))
    moves = {"vanilla": Move(length), "M": Move(length, root(target, power), skew)}
    return Settings(target, str(values["target"]), sampler, start, power, swirl, moves)


def walk(settings: Settings, move: Move) -> Walks:
    """Walk `NUM_STEPS` steps from the start, with the same noise for every move."""
    target = settings.target
    num = NUM_SHOWN if settings.exact else NUM_WALKS
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(NUM_STEPS, num, 2, generator=generator, dtype=torch.float64)
    start = settings.start.repeat(num, 1)
    if settings.sampler == "MALA":
        uniform = torch.rand(NUM_STEPS, num, generator=generator, dtype=torch.float64)
        run = langevin.mala(target, move, start, noise, uniform=uniform)
        return Walks(run.chains, *_moments(run.chains), run.acceptance)
    chains = langevin.ula(target, move, start, noise)
    if isinstance(target, Gaussian):
        exact = langevin.moments(target, move, settings.start, NUM_STEPS)
        return Walks(chains, *exact, None)
    return Walks(chains, *_moments(chains), None)


def _moments(chains: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean (T, 2) and covariance (T, 2, 2) of chains (T, N, 2)."""
    mean = chains.mean(1)
    offset = chains - mean[:, None]
    return mean, offset.mT @ offset / chains.shape[1]
