"""The record of grain against N, predicted and measured: assets/grain.json.

    {"portraits64": {"vanilla": [{"N": 25, "sampled": 4.1, "low": 4.0, "high": 4.2,
                                  "predicted": 4.0}, ...], "pds:5": [...], ...}, ...}

All values are relative to the network's own pictures.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pds.files.shipped import ROOT
from pds.limits import quoted, require_positive, require_whole

RECORDED = ROOT / "assets" / "grain.json"

COMPARED = ("vanilla", "pds:5")
"""Arms that every model has."""


@dataclass(frozen=True)
class GrainPoint:
    """Grain of a sampler's pictures at one N, relative to the network's own.

    num_steps: N.
    sampled, low, high: measured on drawn pictures, with a 95 % interval.
    predicted: from what single denoisings leave of noise.
    """

    num_steps: int
    sampled: float
    low: float
    high: float
    predicted: float


def read_points(path: Path = RECORDED) -> dict[str, dict[str, list[GrainPoint]]]:
    """Return the points of each model and arm (see `pds.arms.names`), by ascending N.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path.name}; restore it from the repository")
    try:
        record = json.loads(path.read_text("utf-8"))
        return {model: _curves(model, arms) for model, arms in record.items()}
    except (ValueError, TypeError, AttributeError) as error:
        reason = error if isinstance(error, ValueError) else "it does not list points by arm"
        raise ValueError(
            f"{path.name} is damaged: {reason}; restore it from the repository"
        ) from None


def _curves(model: str, arms: Any) -> dict[str, list[GrainPoint]]:
    curves = {
        arm: sorted(map(_point, points), key=lambda point: point.num_steps)
        for arm, points in arms.items()
    }
    if not all(curves.get(arm) for arm in COMPARED):
        raise ValueError(f"{model} must have points of {' and '.join(COMPARED)}")
    return curves


def _point(values: Any) -> GrainPoint:
    names = ("N", "sampled", "low", "high", "predicted")
    if not isinstance(values, dict) or not values.keys() >= set(names):
        raise ValueError(f"a point must have {', '.join(names)}, got {quoted(values)}")
    num_steps = require_whole("N", values["N"], 1)
    sampled, low, high, predicted = (require_positive(name, values[name]) for name in names[1:])
    if not low <= sampled <= high:
        raise ValueError(f"sampled must lie between low and high, got {quoted(values)}")
    return GrainPoint(num_steps, sampled, low, high, predicted)
