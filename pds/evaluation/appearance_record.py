"""The record of grain and contrast of the shipped networks: assets/appearance.json.

    {"portraits32": {
        "data":     what `pds.appearance.Appearance` measures on held-out pictures,
        "network":  the same on pictures that the network draws when it is sampled to the end,
        "samplers": [{"arm": "vanilla", "N": 40, "images": 256,
                      "grain": [value, low, high], "contrast": [value, low, high]}, ...]}, ...}

Grain and contrast of samplers are relative to the network's own pictures, with 95 % intervals.
`pds.models` reads the two references, this module the samplers, and it writes all three.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from pds import models
from pds.appearance import Appearance, References
from pds.evaluation.evidence import Evidence
from pds.evaluation.metrics import Interval, Reference
from pds.evaluation.store import NETWORK, Cell, Store
from pds.files.writing import write

DIGITS = 5
"""Significant digits of a recorded number."""


class RecordedSampler(NamedTuple):
    """Grain and contrast of a sampler's pictures relative to the network's own.

    arm: see `pds.arms.names`.
    num_steps: N.
    images: how many were measured.
    grain, contrast: with 95 % intervals; 1 is like the network's own.
    """

    arm: str
    num_steps: int
    images: int
    grain: Interval
    contrast: Interval


def samplers(model: str) -> tuple[RecordedSampler, ...]:
    """Return the recorded samplers of a model, none for a model without a record."""
    recorded = models.appearance_record().get(model, {}).get("samplers", [])
    return tuple(
        RecordedSampler(
            cell["arm"],
            cell["N"],
            cell["images"],
            Interval(*cell["grain"]),
            Interval(*cell["contrast"]),
        )
        for cell in recorded
    )


RECORDED = ("vanilla", "pds:5", "scalar", "tuned", "ode-heun")
"""The arms that are recorded."""


class Measured(NamedTuple):
    """What is recorded of a model."""

    references: References
    cells: Sequence[RecordedSampler]


def measure_folder(folder: Path) -> tuple[str, Measured]:
    """Return the model's name, and grain and contrast of the pictures, of an evaluation folder.

    Args:
        folder: with held-out images, the network's own pictures as `store.NETWORK`, and cells of
            the arms `RECORDED`.

    Raises:
        ValueError: if it is no such folder.
    """
    store = Store(folder)
    model = store.model()
    if model not in models.MODELS:
        raise ValueError(f"{folder} is an evaluation of {model}, which is no model of the page")
    held_out, own = store.held_out(), store.own_pictures(NETWORK)
    if held_out is None or own is None:
        raise ValueError(
            f"{folder} lacks held-out images or the network's own images; run python -m pds "
            f"evaluate --out {folder} first"
        )
    cells = [cell for cell in store.cells() if cell.arm in RECORDED]
    (evidence,) = Evidence.of(store, {"network": Reference.of(own)}, cells)
    recorded = [
        _recorded(evidence, cell)
        for cell in sorted(cells, key=lambda c: (RECORDED.index(c.arm), c.num_steps))
        if evidence.count(cell)
    ]
    references = References(Appearance.of(held_out), Appearance.of(own))
    return model, Measured(references, recorded)


def _recorded(evidence: Evidence, cell: Cell) -> RecordedSampler:
    draws = evidence.draws(cell, evidence.count(cell))
    intervals = (draws[name].interval() for name in ("grain", "contrast"))
    return RecordedSampler(*cell, evidence.count(cell), *intervals)


def save(measured: Mapping[str, Measured], path: Path = models.APPEARANCE) -> None:
    """Write the record of some models; other models in the file keep theirs."""
    record = models.appearance_record(path)
    for model, (references, cells) in measured.items():
        record[model] = {
            **{kind: asdict(kept) for kind, kept in references._asdict().items()},
            "samplers": [_as_record(cell) for cell in cells],
        }
    lines = json.dumps(_rounded(record), separators=(",", ":"))
    write(path, lines.encode() + b"\n")


def _as_record(cell: RecordedSampler) -> dict[str, Any]:
    return {
        "arm": cell.arm,
        "N": cell.num_steps,
        "images": cell.images,
        "grain": list(cell.grain),
        "contrast": list(cell.contrast),
    }


def _rounded(value: Any) -> Any:
    """Round every float of a record to `DIGITS`."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
