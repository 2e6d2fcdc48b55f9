"""The story's first step: Langevin walks in the plane, vanilla and with M."""

import base64
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pds.evaluation.gaussian import Field
from pds.theory import langevin
from pds.theory.langevin import Direction, Move
from pds.theory.plane import Target
from pds.web.sentences import capital, number, share
from pds.web.server.messages import Message, rounded
from pds.web.tabs.story import targets
from pds.web.tabs.story.questions import Truth
from pds.web.tabs.story.walks import (
    FAR,
    NUM_SHOWN,
    NUM_STEPS,
    NUM_WALKS,
    Settings,
    Walks,
    require_settings,
    walk,
)

SCALE = 3000
"""Positions are sent as 16-bit whole numbers in units of 1 / SCALE."""
KAPPA, LENGTH, QUESTION_STEPS = 50.0, 0.036, 20
"""The condition number, the step e and the number of steps in the question."""


def setup() -> Message:
    """Return what the script needs before its first request: the question and its picture."""
    target = targets.ellipse(KAPPA)
    question = {"target": "ellipse", "kappa": KAPPA, "length": LENGTH, "sampler": "ULA"}
    return {
        "reach": list(targets.REACH),
        "scale": SCALE,
        "num_points": targets.NUM_POINTS,
        "pen": targets.PEN,
        "beginnings": {name: begin._asdict() for name, begin in targets.BEGINNINGS.items()},
        "question": question,
        "question_steps": QUESTION_STEPS,
        "drawn": targets.drawn(target),
    }


def mean_after_steps(_: str) -> Truth:
    """Return the mean of all walks after the steps of the question."""
    target, move = targets.ellipse(KAPPA), Move(LENGTH)
    start = torch.tensor(targets.BEGINNINGS["ellipse"].start, dtype=torch.float64)
    mean = langevin.moments(target, move, start, QUESTION_STEPS)[0][-1]
    wide, narrow = (abs(d.factor) ** QUESTION_STEPS for d in langevin.directions(target, move))
    fact = (
        f"After {QUESTION_STEPS} steps {share(narrow)} of the way to the middle is left along the "
        f"narrow direction, and {share(wide)} along the wide one."
    )
    return Truth(rounded(mean.numpy()), fact)


def plane_view(_: Field, values: Mapping[str, Any]) -> Message:
    """Walk with both samplers from the same start with the same noise.

    Args:
        values: target, with kappa or drawing; sampler; start, a point; length, the step e; power
            and swirl as in `Settings`.
    """
    settings = require_settings(values)
    walks = {name: walk(settings, move) for name, move in settings.moves.items()}
    return {
        "drawn": targets.drawn(settings.target),
        "panels": {
            name: _panel(settings, move, walks[name]) for name, move in settings.moves.items()
        },
        "text": {"plane": caption(settings, walks)},
    }


def _panel(settings: Settings, move: Move, walks: Walks) -> Message:
    """Return a panel's walks up to where they diverge, and its directions."""
    inside = (walks.mean.abs() < FAR).all(-1) & (walks.covariance.abs() < FAR**2).all((-1, -2))
    last = len(inside) if bool(inside.all()) else int((~inside).int().argmax())
    law = torch.linalg.eigh(walks.covariance[:last])
    spread = law.eigenvectors * law.eigenvalues.clamp(min=0).sqrt()[:, None, :]
    # With S the eigenvectors are complex; show the axes of the target instead.
    axes = langevin.eigenvectors(settings.target, Move(1.0).m if move.skew else move.m)
    directions = langevin.directions(settings.target, move)
    names = ("one direction", "the other") if move.skew else ("wide direction", "narrow direction")
    return {
        "chains": packed(walks.chains[:, :NUM_SHOWN]),
        "mean": rounded(walks.mean[:last].numpy()),
        "law": rounded(spread.reshape(-1, 4).numpy()),
        "axes": rounded(2 * axes.numpy()),
        "m": rounded(move.m.numpy()),
        "assumption": _assumption(settings),
        "directions": [
            _direction(name, direction) for name, direction in zip(names, directions, strict=True)
        ],
    }


def _assumption(settings: Settings) -> str:
    """Name the assumption under which a panel's directions hold, if any."""
    kept = "without rejections" if settings.sampler == "MALA" else ""
    if settings.name == "ellipse":
        return f"{capital(kept)}:" if kept else ""
    gaussian = "A Gaussian with the mean curvature E[s sᵀ] of this density would have"
    return f"{gaussian}, {kept}:" if kept else f"{gaussian}:"


def packed(points: Tensor) -> str:
    """Encode points as little-endian 16-bit integers in units of 1 / SCALE, in base64.

    Points out of range or not finite are clamped.
    """
    most = 32767
    whole = (points * SCALE).nan_to_num(most, most, -most).clamp(-most, most).round()
    return base64.b64encode(whole.numpy().astype("<i2").tobytes()).decode("ascii")


def _direction(name: str, direction: Direction) -> Message:
    """Describe a step along an eigen-direction, and when it has converged."""
    factor = direction.factor
    if abs(factor.imag) > 1e-9:
        turn = math.degrees(direction.turn)
        text = f"× {number(round(abs(factor), 3))} a step, turning {turn:.0f}°"  # noqa: RUF001
    else:
        text = f"× {number(round(factor.real, 3))} a step"  # noqa: RUF001
    end = "unstable" if direction.num_steps is None else f"1% left after {_steps(direction)}"
    unstable = direction.num_steps is None
    return {"text": f"{name} {text}, {end}", "steps": direction.num_steps, "unstable": unstable}


def caption(settings: Settings, walks: Mapping[str, Walks]) -> str:
    """Describe what both samplers do, and whether mean and ellipse are exact."""
    if settings.sampler == "MALA":
        rates = [walks[name].acceptance or 0.0 for name in ("vanilla", "M")]
        first = f"MALA accepts {share(rates[0])} of vanilla's steps and {share(rates[1])} with M."
    elif settings.exact:
        first = _pace(settings)
    else:
        first = _diverged(walks)
    parts = [first, _conditions(settings), _crossed(settings, walks), _turn(settings)]
    source = "exact" if settings.exact else f"those of {NUM_WALKS} walks"
    return " ".join(filter(None, [*parts, f"Mean and ellipse are {source}."]))


def _pace(settings: Settings) -> str:
    """Describe the walk of vanilla on the ellipse."""
    target, vanilla = settings.target, settings.moves["vanilla"]
    slow, fast = langevin.directions(target, vanilla)
    step = f"With a step of {number(vanilla.step)} vanilla"
    if not fast.stable:
        limit = langevin.step_limit(target, vanilla)
        return f"{step} is beyond its limit of {limit:.2g} and diverges."
    way = "overshoots the narrow direction and zigzags" if fast.factor.real < 0 else "goes straight"
    return f"{step} {way}, and needs {_steps(slow)} along the wide direction."


def _diverged(walks: Mapping[str, Walks]) -> str:
    """Say how many walks have diverged, if any has."""
    vanilla, m = (walks[name].diverged for name in ("vanilla", "M"))
    if not vanilla + m:
        return ""
    return (
        f"After {NUM_STEPS} steps {_part(vanilla)} of vanilla's walks and {_part(m)} of those with "
        "M have diverged."
    )


def _conditions(settings: Settings) -> str:
    """Compare the condition number, or its counterpart, without and with M."""
    target, m = settings.target, settings.moves["M"].m
    if settings.name == "ellipse":
        left = number(round(langevin.stiffness(target, m), 2))
        condition = f"M of strength {number(settings.power)} makes the condition number {left}"
        if not settings.exact:
            return f"{condition}."
        vanilla_best, m_best = (_steps(_at_best(target, each)) for each in (Move(1.0).m, m))
        best = f"At its best step vanilla needs {vanilla_best}"
        return f"{best}; {condition} and needs {m_best} at its best."
    before, after = (langevin.stiffness(target, each) for each in (Move(1.0).m, m))
    return (
        "The number of steps grows with the largest mean curvature times the largest variance: "
        f"{number(round(before, 1))} for vanilla, {number(round(after, 1))} with M (1 for a "
        "Gaussian)."
    )


def _crossed(settings: Settings, walks: Mapping[str, Walks]) -> str:
    """Say how many walks are on the hill that is farther from the start."""
    if settings.name != "hills" or any(each.diverged for each in walks.values()):
        return ""
    side = (settings.start @ targets.HILLTOP).sign()
    far = [walks[name].chains[-1] @ targets.HILLTOP * side < 0 for name in ("vanilla", "M")]
    vanilla, m = (_part(float(each.double().mean())) for each in far)
    return (
        f"After {NUM_STEPS} steps {vanilla} of vanilla's walks and {m} of those with M are on the "
        "far hill."
    )


def _part(value: float) -> str:
    """Write a share of all walks."""
    return share(value) if value else "none"


def _turn(settings: Settings) -> str:
    """Say how far S turns the walk on the ellipse."""
    if not settings.swirl or not settings.exact:
        return ""
    directions = langevin.directions(settings.target, settings.moves["M"])
    swirl = f"swirl {number(settings.swirl)}"
    if not all(direction.stable for direction in directions):
        return f"With {swirl} the same step diverges."
    return f"S{swirl[1:]} turns the walk by {math.degrees(directions[0].turn):.0f}° a step."


def _at_best(target: Target, m: Tensor) -> Direction:
    """Return the slower direction at the best step for this M."""
    best = Move(langevin.best_step(target, Move(1.0, m)), m)
    return max(langevin.directions(target, best), key=lambda d: abs(d.factor))


def _steps(direction: Direction) -> str:
    """Say how many steps a stable direction takes."""
    return "1 step" if direction.num_steps == 1 else f"{direction.num_steps:,} steps"
