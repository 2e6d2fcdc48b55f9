"""The story's first step: Langevin sampling of an elongated Gaussian in the plane."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pds.evaluation.gaussian import Field
from pds.theory import langevin
from pds.theory.langevin import Direction, Move
from pds.theory.plane import Gaussian, root
from pds.web.figures import FAINT, INK, OURS, VANILLA, Layout, Trace, layout
from pds.web.sentences import number, share
from pds.web.server.messages import Message, finite, rounded
from pds.web.tabs.story.values import require_number

PANELS = ("vanilla", "M", "M and S")
NUM_STEPS = 120
"""Steps that are shown."""
NUM_CHAINS = 30
"""Chains that MALA's acceptance is measured on."""
REACH = (3.0, 1.9)
"""Half the width and half the height of the plane that is shown."""
FAR = 1e4
"""Paths that leave this are cut."""


def layouts() -> dict[str, Layout]:
    """Return the layouts of the three planes."""
    axis = {"showticklabels": False, "showgrid": False, "ticks": "", "constrain": "domain"}
    x, y = ({**axis, "range": [-reach, reach]} for reach in REACH)
    margin = {"l": 6, "r": 6, "t": 34, "b": 6}
    titles = dict(zip(PANELS, ("Vanilla", "With M", "With M and S"), strict=True))
    return {
        name: layout(
            title, xaxis=x, yaxis={**y, "scaleanchor": "x"}, margin=margin
        )
        for name, title in titles.items()
    }  # fmt: skip


def view(_: Field, given: Mapping[str, Any]) -> Message:
    """Walk three samplers from the same start with the same noise.

    Args:
        given: kappa; length, the step e; power, the share p of M = C^(p/2); swirl, of
            S = swirl sqrt(det C) J.
    """
    ranges = {"kappa": (1, 1000), "length": (0.001, 3), "power": (0, 1), "swirl": (0, 5)}
    values = {name: require_number(given, name, *ends) for name, ends in ranges.items()}
    gaussian = Gaussian(values["kappa"])
    m = root(gaussian, values["power"])
    skew = values["swirl"] / math.sqrt(gaussian.kappa)
    step = values["length"]
    moves = dict(zip(PANELS, (Move(step), Move(step, m), Move(step, m, skew)), strict=True))
    panels = {name: _panel(gaussian, move) for name, move in moves.items()}
    return {
        "plots": {name: _traces(gaussian) for name in PANELS},
        "panels": panels,
        "text": {"plane": _sentence(gaussian, moves, values["power"], values["swirl"])},
    }


def _panel(gaussian: Gaussian, move: Move) -> Message:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(NUM_STEPS, NUM_CHAINS, 2, generator=generator, dtype=torch.float64)
    uniform = torch.rand(NUM_STEPS, NUM_CHAINS, generator=generator, dtype=torch.float64)
    start = torch.tensor([2.0, 0.8], dtype=torch.float64) @ gaussian.axes
    mean, covariance = langevin.moments(gaussian, move, start, NUM_STEPS)
    chain = langevin.ula(gaussian, move, start[None], noise[:, :1])[:, 0]
    law = torch.linalg.eigh(covariance.nan_to_num(FAR, FAR, FAR))
    spread = law.eigenvectors * law.eigenvalues.clamp(min=0).sqrt()[:, None, :]
    rows = [_direction(d) for d in langevin.directions(gaussian, move)]
    acceptance = None
    if not move.skew:
        begin = gaussian.sample(noise[0])
        run = langevin.mala(gaussian, move, begin, noise, uniform=uniform)
        acceptance = f"MALA accepts {share(run.acceptance)} of its steps."
    return {
        "mean": _path(mean),
        "chain": _path(chain),
        "law": rounded(spread.reshape(-1, 4).clamp(-FAR, FAR).numpy()),
        "directions": rows,
        "swirls": bool(move.skew),
        "acceptance": acceptance or "MALA cannot take S: its swirl is not reversible.",
    }


def _direction(direction: Direction) -> Message:
    """Say what a step does along an eigen-direction, and when it is converged."""
    factor, turn = direction.factor, math.degrees(direction.turn)
    if abs(factor.imag) > 1e-9:
        text = f"× {number(round(abs(factor), 3))} a step, turning {turn:.0f}°"  # noqa: RUF001
    else:
        text = f"× {number(round(factor.real, 3))} a step"  # noqa: RUF001
    if direction.num_steps is None:
        text += ", unstable"
    else:
        text += f", 1% left after {direction.num_steps}"
    return {"text": text, "steps": direction.num_steps}


def _sentence(gaussian: Gaussian, moves: Mapping[str, Move], power: float, swirl: float) -> str:
    vanilla, m, both = (moves[name] for name in PANELS)
    slow, fast = langevin.directions(gaussian, vanilla)
    sentence = (
        f"With a step of {number(vanilla.step)} at condition number {number(gaussian.kappa)} "
    )
    if not fast.stable:
        limit = langevin.step_limit(gaussian, vanilla)
        sentence += f"vanilla is beyond its limit of {limit:.2g} and diverges."
    else:
        way = "overshoots the short axis and zigzags" if fast.factor.real < 0 else "goes straight"
        sentence += f"vanilla {way}; the long axis takes it {_steps(slow)}."
    vanilla_best, m_best = (_steps(_at_best(gaussian, move)) for move in (vanilla, m))
    condition = langevin.rates(gaussian, m)
    sentence += (
        f" At its best step vanilla needs {vanilla_best}; a share of {number(power)} of M makes "
        f"the condition number {abs(condition[1] / condition[0]):.3g} and needs {m_best} at its "
        "own."
    )
    turn = math.degrees(langevin.directions(gaussian, both)[0].turn)
    if not all(d.stable for d in langevin.directions(gaussian, both)):
        return f"{sentence} With swirl {number(swirl)} the same step diverges."
    return f"{sentence} Swirl {number(swirl)} turns the walk by {turn:.0f}° a step."


def _at_best(gaussian: Gaussian, move: Move) -> Direction:
    """Return the slower direction at the best step for this M."""
    best = Move(langevin.best_step(gaussian, move), move.m)
    return max(langevin.directions(gaussian, best), key=lambda d: abs(d.factor))


def _steps(direction: Direction) -> str:
    """Say how many steps a stable direction takes."""
    return "1 step" if direction.num_steps == 1 else f"{direction.num_steps:,} steps"


def _traces(gaussian: Gaussian) -> list[Trace]:
    """Return the target at two standard deviations, its axes, and what the page fills in."""
    turn = torch.linspace(0, 2 * math.pi, 73, dtype=torch.float64)
    ring = gaussian.sample(2 * torch.stack([turn.cos(), turn.sin()], -1))
    lengths = torch.tensor([1.0, gaussian.kappa**-0.5], dtype=torch.float64)
    ends = (2 * lengths[:, None] * gaussian.axes).numpy()
    axes = [
        _curve(np.stack([-end, end]), INK, name=name, line={"width": 2, "color": INK})
        for name, end in zip(("long axis", "short axis"), ends, strict=True)
    ]
    target = _curve(ring.numpy(), INK, fill="toself", fillcolor=FAINT, line={"width": 1})
    return [target, *axes, *({"type": "scatter", **style} for style in STYLES)]


STYLES: tuple[Trace, ...] = (
    {"mode": "lines", "line": {"color": OURS, "width": 2}, "hoverinfo": "skip"},
    {"mode": "lines", "line": {"color": "#b0a68f", "width": 1}, "hoverinfo": "skip"},
    {
        "mode": "lines+markers",
        "line": {"color": VANILLA, "width": 2},
        "marker": {"size": 5},
        "hoverinfo": "skip",
    },
)
"""The law of the chains at the step shown, one chain up to it, and the mean of all."""


def _curve(points: Any, color: str, **more: Any) -> Trace:
    x, y = np.asarray(points).T
    style = {"color": color, **more.pop("line", {})}
    return {
        "type": "scatter", "mode": "lines", "x": rounded(x), "y": rounded(y), "line": style,
        "hoverinfo": "skip", **more,
    }  # fmt: skip


def _path(points: Tensor) -> Message:
    """Return a path (T, 2) as x and y, cut where it has left for good."""
    x, y = points.T
    gone = ~(points.abs() < FAR).all(-1)
    last = int(gone.int().argmax()) if bool(gone.any()) else len(points)
    return {
        "x": [finite(v) for v in x[:last].tolist()],
        "y": [finite(v) for v in y[:last].tolist()],
    }
