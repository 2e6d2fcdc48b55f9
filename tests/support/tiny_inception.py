"""A stand-in for Inception: its features are the mean of each channel, so the distance is known."""

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


def random_weights():
    """Weights for Inception, the same in every run, that keep the size of what passes through."""
    with torch.device("meta"):
        shapes = {name: w.shape for name, w in inception.Inception().state_dict().items()}
    generator = torch.Generator().manual_seed(0)
    plain = {"bias": 0.0, "running_mean": 0.0, "running_var": 1.0}
    state = {}
    for name, shape in shapes.items():
        kind = name.rpartition(".")[2]
        if len(shape) > 1:
            scale = (2 / shape[1:].numel()) ** 0.5
            state[name] = scale * torch.randn(shape, generator=generator)
        elif kind != "num_batches_tracked":  # which old files lack
            state[name] = torch.full(shape, plain.get(kind, 1.0))
    return state


def ramps():
    """Two pictures (2, 3, 24, 32) uint8 that grow to the right and downward."""
    right = torch.arange(32).expand(3, 24, 32) * 8
    down = torch.arange(24)[:, None].expand(3, 24, 32) * 10
    return torch.stack([right, down]).to(torch.uint8)
