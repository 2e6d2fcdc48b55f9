"""FID: the Frechet distance of Inception's features, if its weights are available.

    |m - m_d|^2 + tr(C) + tr(C_d) - 2 tr((C C_d)^(1/2))

of means and covariances (with n - 1) of the 2,048 features. With C = L L' the last trace is the sum
of the singular values of L' L_d, so that no root of a matrix that is not symmetric is needed.

Papers report it, but it is not suited to tens of images: the covariance of 2,048 features has rank
n - 1 at most, and the resulting bias is most of the distance. Use thousands of images, and compare
only distances of equal numbers.

Source: M. Heusel et al., NeurIPS 2017.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from pds.evaluation import inception
from pds.evaluation.store import Store
from pds.spectra import Array

BATCH = 32

HEADER = "arm,N,images,fid\n"

DIGITS = 8
"""Digits of a file's SHA-256 that identify its weights; names of published files end in as many."""

Network = Callable[[Tensor], Tensor]
"""Maps pixels (B, 3, H, W) uint8 to features (B, F)."""


@dataclass(frozen=True, eq=False)
class Statistics:
    """Number n, mean (F,) and covariance (F, F) of features, float64; n >= 2."""

    count: int
    mean: Array
    covariance: Array

    @cached_property
    def root(self) -> Array:
        """L (F, r) with L L' = C and r = min(F, n - 1), the rank of C up to rounding."""
        values, vectors = np.linalg.eigh(self.covariance)
        rank = min(self.count - 1, len(values))
        root: Array = vectors[:, -rank:] * np.sqrt(values[-rank:].clip(min=0))
        return root


def statistics(
    network: Network, batches: Iterable[Tensor], *, total: int | None = None
) -> Statistics:
    """Return the statistics of the features of images, without keeping images or features.

    Args:
        network: its features must not depend on the batch.
        batches: images (B, 1 or 3, H, W) in [0, 1], clipped here, or uint8.
        total: number of images, for the progress bar.

    Raises:
        ValueError: if there are fewer than two images.
    """
    count, moments = 0, [torch.zeros(())] * 2
    with tqdm(total=total, desc="Inception", unit="image", leave=False) as bar:
        for batch in batches:
            for part in torch.split(batch, BATCH):
                features = network(_pixels(part)).double().cpu()
                if count == 0:
                    origin = features[0]
                shifted = features - origin
                moments = [moments[0] + shifted.sum(0), moments[1] + shifted.T @ shifted]
                count += len(part)
                bar.update(len(part))
    if count < 2:
        raise ValueError(f"FID needs two images or more, got {count}")
    mean = moments[0] / count
    covariance = (moments[1] - count * torch.outer(mean, mean)) / (count - 1)
    return Statistics(count, (origin + mean).numpy(), covariance.numpy())


def distance(one: Statistics, other: Statistics) -> float:
    """Return the Frechet distance of two Gaussians with these statistics."""
    difference = one.mean - other.mean
    overlap = np.linalg.svd(one.root.T @ other.root, compute_uv=False).sum()
    spread = np.trace(one.covariance) + np.trace(other.covariance)
    return float(difference @ difference + spread - 2 * overlap)


def load_inception(weights: Path, device: torch.device) -> Network:
    """Return Inception on a device, from the published weights; see `inception.load`."""
    network = inception.load(weights, device)
    return lambda pixels: network(pixels.to(device))


def identified(weights: Path) -> str:
    """Return the first digits of the file's SHA-256."""
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:DIGITS]


def csv_lines(store: Store, reference: Tensor, network: Network) -> Iterator[str]:
    """Yield a line of fid.csv for every cell with at least two images, all finite.

    Args:
        store: the folder.
        reference: held-out images (n, C, H, W) in [0, 1].
        network: of `load_inception`.
    """
    real = statistics(network, [reference])
    for cell in store.cells():
        images = store.drawn(cell).images
        if len(images) > 1 and bool(images.isfinite().all()):
            fid = distance(statistics(network, [images]), real)
            yield f"{cell.arm},{cell.num_steps},{len(images)},{fid:.5g}\n"


def _pixels(images: Tensor) -> Tensor:
    """Return images in [0, 1] as uint8 with three channels."""
    if images.dtype != torch.uint8:
        images = (255 * images.float().clamp(0, 1)).round().to(torch.uint8)
    return images.expand(-1, 3, -1, -1)
