"""In Inception's place: the mean of each channel as features, so that tests know the distance."""

import numpy as np
import torch

from pds.evaluation import inception


def mean_colors(pixels):
    """Features (B, 3) of pixels as Inception takes them."""
    assert pixels.dtype == torch.uint8
    assert pixels.shape[1] == 3
    return pixels.double().mean((2, 3))


def weights(monkeypatch, folder):
    """Return the option that names a file of weights, which is read as `mean_colors`."""
    path = folder / "weights.pth"
    path.write_bytes(b"any")
    monkeypatch.setattr(inception, "load", lambda path, device: mean_colors)
    return ["--inception", str(path)]


def fid_of_means(drawn, real):
    """The distance of `mean_colors` by its definition, of images (n, C, H, W) in [0, 1]."""
    means, covariances = [], []
    for images in (drawn, real):
        pixels = (255 * images.astype(np.float64).clip(0, 1)).round()
        colors = np.broadcast_to(pixels.mean((2, 3)), (len(images), 3))
        means.append(colors.mean(0))
        covariances.append(np.cov(colors, rowvar=False))
    roots = np.sqrt(np.linalg.eigvals(covariances[0] @ covariances[1]).astype(complex)).real
    spread = sum(np.trace(covariance) for covariance in covariances)
    return ((means[0] - means[1]) ** 2).sum() + spread - 2 * roots.sum()
