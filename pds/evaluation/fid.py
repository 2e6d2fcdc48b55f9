"""FID: the Frechet distance of Inception's features, if its weights are available.

Papers report it, but it is not suited to tens of images: the covariance of 2,048 features has rank
n - 1 at most, and the resulting bias is most of the distance. Use thousands of images, and compare
only cells with equal numbers. Features and distance are those of torch-fidelity, which agree with
the original TensorFlow graph.

Source: M. Heusel et al., NeurIPS 2017.
"""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from pds.evaluation.store import Store

LAYER = "2048"
BATCH = 32

HEADER = "arm,N,images,fid\n"


def table(store: Store, reference: Tensor, weights: Path, device: torch.device) -> Iterator[str]:
    """Yield a line of fid.csv for every cell with at least two images, all finite.

    Args:
        store: the folder.
        reference: held-out images (n, C, H, W) in [0, 1].
        weights: of Inception in torch-fidelity's format, from a trusted source: it is unpickled.
        device: of the network.

    Raises:
        ValueError: if torch-fidelity is not installed, or the file does not have these weights.
    """
    library = _library()
    network = _inception(library, weights, device)
    metric = importlib.import_module("torch_fidelity.metric_fid")

    def statistics(images: Tensor) -> Any:
        batches = tqdm(torch.split(images, BATCH), desc="Inception", leave=False)
        features = [network(_pixels(batch).to(device))[0].double().cpu() for batch in batches]
        return metric.fid_features_to_statistics(torch.cat(features))

    real = statistics(reference)
    for cell in store.cells():
        images = store.drawn(cell).images
        if len(images) > 1 and bool(images.isfinite().all()):
            fid = metric.fid_statistics_to_metric(statistics(images), real, verbose=False)
            distance = fid[library.KEY_METRIC_FID]
            yield f"{cell.arm},{cell.num_steps},{len(images)},{distance:.5g}\n"


def _library() -> Any:
    try:
        return importlib.import_module("torch_fidelity")
    except ImportError:
        raise ValueError(
            "FID needs the package torch-fidelity: pip install torch-fidelity"
        ) from None


def _inception(library: Any, weights: Path, device: torch.device) -> Any:
    if not weights.is_file():
        raise ValueError(f"no Inception weights at {weights}")
    try:
        network = library.FeatureExtractorInceptionV3(
            "inception-v3-compat", [LAYER], feature_extractor_weights_path=str(weights)
        )
    except Exception as error:  # torch.load and the network raise almost anything for such files
        raise ValueError(f"{weights} does not hold Inception's weights ({error})") from None
    return network.to(device)


def _pixels(images: Tensor) -> Tensor:
    """Return images in [0, 1] as uint8 with three channels."""
    pixels = (255 * images.clamp(0, 1)).round().to(torch.uint8)
    return pixels.expand(-1, 3, -1, -1)
