"""Network calls that are split when they exceed the memory of the device."""

import sys

import torch
from torch import Tensor

from pds.sampling import ScoreFn

NO_MEMORY = ("unable to find an engine", "MPS backend out of memory")
"""Parts of errors of another class: cuDNN's where every algorithm lacked its working memory, and
that of an Apple GPU."""


def exceeds_memory(error: RuntimeError) -> bool:
    """Return whether a network call failed because it needs more memory than there is."""
    return isinstance(error, torch.OutOfMemoryError) or any(
        part in str(error) for part in NO_MEMORY
    )


class Splitting:
    """A score function that halves its calls until they fit into the memory of the device.

    The size that fitted is kept for later calls. An image depends on the size only through the
    rounding of the network.

    Args:
        score: x (B, C, H, W), t (B,) -> (B, C, H, W).

    Raises:
        ValueError: (when called) if a single image is too large.
    """

    def __init__(self, score: ScoreFn) -> None:
        self.score, self.max_images = score, sys.maxsize

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        parts: list[Tensor] = []
        done = 0
        while done < len(x):
            part = slice(done, done + self.max_images)
            count = len(x[part])
            try:
                parts.append(self.score(x[part], t[part]))
                done += count
            except RuntimeError as error:
                if not exceeds_memory(error):
                    raise
                # Tried again after this block: until then the error keeps the tensors of the call.
                self.max_images = count // 2
            if not self.max_images:
                self.max_images = 1
                raise ValueError(
                    f"one image of {' x '.join(map(str, x.shape[1:]))} needs more memory than "
                    f"{x.device} has free; end other programs there, or choose a smaller model"
                )
        return parts[0] if len(parts) == 1 else torch.cat(parts)
