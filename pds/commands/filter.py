"""`pds filter`: estimate filters from images, and draw them."""

import argparse
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from pds import filters, limits, models
from pds.commands import filter_picture
from pds.files import images, pictures, writing
from pds.portraits import cache
from pds.scores import checkpoints


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.add_argument(
        "source",
        help="folder of images, .npy or .npz of them, a .safetensors checkpoint or a model of the "
        "page to draw some with, or portraits for the drawn ones",
    )
    parser.add_argument("--out", type=Path, required=True, help="such as filters/mine")
    parser.add_argument("--size", type=int, default=32, help="pixels; default %(default)s")
    parser.add_argument("--channels", type=int, choices=(1, 3), default=3)
    parser.add_argument("--num-images", type=int, default=5000, help="to draw; default %(default)s")
    parser.add_argument(
        "--num-steps", type=int, default=400, help="iterations of a model; default %(default)s"
    )


def run(arguments: argparse.Namespace) -> None:
    """Estimate both masks and write them, with a drawing of their gains."""
    batches, total = _images(arguments)
    masks, changes = filters.convergence(
        filters.running(filters.doubling(tqdm(batches, total=total, unit="batch")))
    )
    if masks is None:
        raise ValueError(f"{arguments.source} gave no image")
    print("The gain at alpha = 5 as the number of images doubles, change in %:")
    for change in changes:
        print(
            f"{change.num_images:>7} images: mean {100 * change.mean:.2f}, "
            f"largest {100 * change.largest:.2f}"
        )
    _write(masks, arguments.out)
    channels, height, width = masks.frequency.shape
    gap = filters.difference(masks.frequency, filters.natural((channels, height, width)))
    print(
        f"--freq_mask_path natural would differ by {gap.rms:.3f} (rms), at most {gap.largest:.3f}, "
        "in gain at alpha = 5"
    )
    if isinstance(batches, images.Images) and batches.skipped:
        listing = ", ".join(batches.skipped[:5]) + (" ..." if len(batches.skipped) > 5 else "")
        print(f"skipped {len(batches.skipped)} that could not be read: {listing}")


def _images(arguments: argparse.Namespace) -> tuple[Iterable[Tensor], int | None]:
    """Return the batches that the source gives, and their number where it is known."""
    source, count, num_steps = arguments.source, arguments.num_images, arguments.num_steps
    if source == "portraits":
        rendered = cache.rendered(count, size=arguments.size)
        return (cache.pixels(torch.from_numpy(part)) for part in rendered), None
    num_batches = -(-count // limits.MAX_IMAGES)
    if source in models.MODELS:
        return models.draw(models.load_model(source), count, num_steps), num_batches
    if source.endswith(".safetensors"):
        model = models.of_network(checkpoints.load(Path(source)))
        return models.draw(model, count, num_steps), num_batches
    return images.Images(Path(source), arguments.size, arguments.channels), None


def _write(masks: filters.Masks, out: Path) -> None:
    """Write the masks to <out>_freq.npy and <out>_space.npy and draw them in <out>_gain.png."""
    out.parent.mkdir(parents=True, exist_ok=True)
    for kind, mask in (("freq", masks.frequency), ("space", masks.space)):
        path = out.with_name(f"{out.name}_{kind}.npy")
        filters.save(path, mask)
        print(f"{path}: {tuple(mask.shape)}, {masks.num_images} images")
    path = out.with_name(f"{out.name}_gain.png")
    writing.write(path, pictures.png(filter_picture.drawing(masks), ""))
    print(f"{path}: both gains at alpha = 5")
