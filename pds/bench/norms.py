"""A network call with torch's group norm against one with the network's own.

On a GPU, torch's returns images channels first, and every convolution after it converts them back.
"""

from collections.abc import Iterator
from unittest import mock

import torch
from torch import Tensor, nn

from pds.bench import subjects
from pds.bench.rows import Row, guarded, skipped
from pds.bench.timing import Effort, versus
from pds.sampling import ScoreFn
from pds.scores.ncsnpp import ModelCard
from pds.scores.ncsnpp.layers import GroupNorm

WHAT = "a network call: torch's group norm / the network's own"


def rows(effort: Effort) -> Iterator[Row]:
    """Yield the ratio for each network, on a GPU."""
    if not subjects.ON_GPU:
        yield skipped("norms", WHAT, "on a CPU the network's own is torch's")
        return
    ffhq, church = (f"{name}_ncsnpp_continuous" for name in ("ffhq", "church"))
    if effort.quick:
        small = subjects.card(church, size=64, nf=8)
        yield from guarded("norms", _rows("norms, church 64 px, 1 image", small, 1, effort))
        return
    cases = ("FFHQ 1024 px, 1 image", ffhq, 1), ("church 256 px, 8 images", church, 8)
    for title, name, images in cases:
        title = f"norms, {title}"
        yield from guarded(title, _rows(title, subjects.card(name), images, effort))


def _rows(title: str, card: ModelCard, images: int, effort: Effort) -> Iterator[Row]:
    score = subjects.with_random_weights(card)
    own, (x, t) = torch.no_grad()(score), subjects.batch(score, images)
    other = with_torchs_norm(own)
    measured = versus(lambda: other(x, t), lambda: own(x, t), effort)
    yield Row(title, WHAT, measured, note="random weights")


def with_torchs_norm(score: ScoreFn) -> ScoreFn:
    """Return the score function with `torch.nn.GroupNorm` in the place of the network's own."""

    def call(x: Tensor, t: Tensor) -> Tensor:
        with mock.patch.object(GroupNorm, "forward", nn.GroupNorm.forward):
            return score(x, t)

    return call
