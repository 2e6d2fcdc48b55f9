"""FID: the Frechet distance of Inception's features, where its weights are at hand.

It is what papers report, and the wrong measure for tens of images: 2,048 numbers an image have a
covariance of rank n - 1, so that most of the distance is how few they are. Compare cells with as
many images only, and have thousands. Features and distance are those of torch-fidelity, which
agree with the original TensorFlow graph.

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
    """Yield a line of fid.csv for every cell in a folder that has two images or more.

    Args:
        store: the folder.
        reference: held-out images (n, C, H, W) in [0, 1].
        weights: of Inception as torch-fidelity stores them, a file whose source is trusted.
        device: for the network.

    Raises:
        ValueError: if torch-fidelity is not installed, or the file has no such weights.
    """
    library = _library()
    network = _inception(library, weights, device)
    metric = importlib.import_module("torch_fidelity.metric_fid")

    def statistics(images: Tensor) -> Any:
        batches = tqdm(torch.split(images, BATCH), desc="Inception", leave=False)
        found = [network(_pixels(batch).to(device))[0].double().cpu() for batch in batches]
        return metric.fid_features_to_statistics(torch.cat(found))

    real = statistics(reference)
    for cell in store.cells():
        images = store.drawn(cell).images
        if len(images) > 1 and bool(images.isfinite().all()):
            found = metric.fid_statistics_to_metric(statistics(images), real, verbose=False)
            distance = found[library.KEY_METRIC_FID]
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
    except Exception as error:  # whatever torch.load and the network make of a foreign file
        raise ValueError(f"{weights} does not hold Inception's weights ({error})") from None
    return network.to(device)


def _pixels(images: Tensor) -> Tensor:
    """Return images in [0, 1] as bytes with three channels."""
    pixels = (255 * images.clamp(0, 1)).round().to(torch.uint8)
    return pixels.expand(-1, 3, -1, -1)
