"""Grain and contrast of vanilla and PDS at several numbers of iterations."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch

from pds.appearance import GRAINY, SMOOTH, Appearance, Relative
from pds.models import Pair, compare_request, load_model
from pds.request import Request


class Rung(NamedTuple):
    """Vanilla and PDS at N iterations, relative to the network's own pictures."""

    num_steps: int
    vanilla: Relative
    pds: Relative


def rungs(
    model: str, counts: Sequence[int], *, num_runs: int, alpha: float = 5.0
) -> Iterator[Rung]:
    """Measure 8 num_runs images of each sampler from the same seeds at each N.

    PDS has the frequency filter at `alpha`.

    Raises:
        ValueError: if the model has no references.
    """
    loaded = load_model(model)
    if loaded.references is None:
        raise ValueError(f"no grain and contrast are recorded for {model}")
    for num_steps in counts:
        drawn: list[Pair] = []
        for run in range(num_runs):
            request = Request(model, num_steps, alpha, num_images=8, seed=8 * run)
            drawn += deque(compare_request(request), maxlen=1)
        chains = (
            torch.cat([loaded.to_pixels(step.x_mean).cpu() for step in steps])
            for steps in zip(*drawn, strict=True)
        )
        own = loaded.references.network
        yield Rung(num_steps, *(Appearance.of(images).relative_to(own) for images in chains))


def sentence(measured: Sequence[Rung], own: str) -> str:
    """Say at which N each sampler leaves grain, and where PDS is smoother than the reference.

    Args:
        measured: a rung for each N.
        own: what the pictures with grain 1 are called.
    """
    rows = sorted(measured, reverse=True)
    counts = [row.num_steps for row in rows]
    parts = []
    for name in ("vanilla", "pds"):
        # A sampler that diverged has no number, and is not smooth either.
        grainy = [row.num_steps for row in rows if not getattr(row, name).grain <= GRAINY]
        called = "PDS" if name == "pds" else name
        where = _where(grainy, counts) if grainy else "none of these N"
        parts.append(f"{called} is grainy at {where}")
    smooth = [row.num_steps for row in rows if row.pds.grain < SMOOTH]
    where = f"at {_where(smooth, counts)}" if smooth else "at none"
    parts.append(f"PDS is smoother than {own} {where}")
    return "; ".join(parts)


def _where(chosen: Sequence[int], counts: Sequence[int]) -> str:
    """Name some of the descending counts, shorter if they are the last or the first ones."""
    if len(chosen) > 1 and list(chosen) == list(counts[-len(chosen) :]):
        return f"N = {chosen[0]} and below"
    if len(chosen) > 1 and list(chosen) == list(counts[: len(chosen)]):
        return f"N = {chosen[-1]} and above"
    return "N = " + ", ".join(map(str, chosen))
