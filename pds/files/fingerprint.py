"""A short hash of the weights, masks and settings that images depend on."""

import hashlib
from collections.abc import Iterable

from torch import Tensor


def fingerprint(parts: Iterable[Tensor | str]) -> str:
    """Return 32 hexadecimal digits that identify tensors and texts, in this order.

    Run folders and evaluation folders store it, so its value must not change between versions.
    Only the bytes of a tensor count, in the precision it has, on any device.
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part.cpu().numpy().tobytes())
    return digest.hexdigest()[:32]
