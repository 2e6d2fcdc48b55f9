"""`pds filter`: estimate filters from images, and draw them."""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from pds import filters, models
from pds.commands import filter_picture
from pds.files import pictures, writing
from pds.files.images import Images
from pds.files.unread import Remedies
from pds.portraits import cache
from pds.scores import checkpoints

REMEDIES = Remedies("pass --enlarge to take {it} too", "pass --range BLACK WHITE")


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.add_argument(
        "source",
        help="folder, .zip archive or .npy or .npz file of images, one picture, a .safetensors "
        "checkpoint or a model of the page to draw some with, or portraits for the drawn ones. "
        "Subfolders, links and archives in a folder are read, PNG, JPEG, WebP, GIF, BMP, TIFF, "
        "netpbm, AVIF and JPEG 2000 files, whatever their names; others are counted by kind",
    )
    parser.add_argument("--out", type=Path, required=True, help="such as filters/mine")
    parser.add_argument("--size", type=int, default=32, help="pixels; default %(default)s")
    parser.add_argument("--channels", type=int, choices=(1, 3), default=3)
    parser.add_argument(
        "--enlarge",
        action="store_true",
        help="take pictures smaller than --size too, which lack its fine frequencies",
    )
    parser.add_argument(
        "--range",
        type=float,
        nargs=2,
        metavar=("BLACK", "WHITE"),
        help="values in arrays and in pictures of more than 8 bits, such as -1 1 or 0 4095",
    )
    parser.add_argument("--key", help="name of the images in an .npz file of several arrays")
    parser.add_argument("--num-images", type=int, default=5000, help="to draw; default %(default)s")
    parser.add_argument(
        "--num-steps", type=int, default=400, help="iterations of a model; default %(default)s"
    )


def run(arguments: argparse.Namespace) -> None:
    """Estimate both masks and write them, with a drawing of their gains."""
    out = arguments.out
    writing.require_writable(out)
    batches, total = _images(arguments)
    # A source of files may be refused at once, which no bar should precede.
    delay = 0.5 if isinstance(batches, Images) else 0
    with tqdm(total=total, unit="image", delay=delay) as bar:
        masks, changes = filters.convergence(
            filters.running(filters.doubling(_counted(batches, bar)))
        )
    if masks is None:
        raise ValueError(f"{arguments.source} gave no image")
    filters.require_usable(masks)
    print("The gain at alpha = 5 as the number of images doubles, change in %:")
    for change in changes:
        print(
            f"{change.num_images:>7} images: mean {100 * change.mean:.2f}, "
            f"largest {100 * change.largest:.2f}"
        )
    _write(masks, out)
    channels, height, width = masks.frequency.shape
    gap = filters.difference(masks.frequency, filters.natural((channels, height, width)))
    print(
        f"--freq_mask_path natural would differ by {gap.rms:.3f} (rms), at most {gap.largest:.3f}, "
        "in gain at alpha = 5"
    )
    if isinstance(batches, Images):
        for sentence in batches.sentences():
            print(sentence)


def _images(arguments: argparse.Namespace) -> tuple[Iterable[Tensor], int | None]:
    """Return the batches that the source gives, and their number of images where it is known."""
    source, count, num_steps = arguments.source, arguments.num_images, arguments.num_steps
    if source == "portraits":
        rendered = cache.rendered(count, size=arguments.size)
        return (cache.pixels(torch.from_numpy(part)) for part in rendered), count
    if source in models.MODELS:
        return models.draw(models.load_model(source), count, num_steps), count
    if source.endswith(".safetensors"):
        model = models.of_network(checkpoints.load(Path(source)))
        return models.draw(model, count, num_steps), count
    images = Images(
        Path(source),
        arguments.size,
        arguments.channels,
        enlarge=arguments.enlarge,
        value_range=None if arguments.range is None else tuple(arguments.range),
        key=arguments.key,
        remedies=REMEDIES,
    )
    return images, len(images)


def _counted(batches: Iterable[Tensor], bar: tqdm) -> Iterator[Tensor]:
    """Yield the batches, and show how many images were read or skipped."""
    read = 0
    for batch in batches:
        read += len(batch)
        bar.update(read + (len(batches.skipped) if isinstance(batches, Images) else 0) - bar.n)
        yield batch


def _write(masks: filters.Masks, out: Path) -> None:
    """Write the masks to <out>_freq.npy and <out>_space.npy and draw them in <out>_gain.png."""
    named = {"freq": masks.frequency, "space": masks.space}
    files = {out.with_name(f"{out.name}_{kind}.npy"): mask for kind, mask in named.items()}
    picture = out.with_name(f"{out.name}_gain.png")
    drawn = pictures.png(filter_picture.drawing(masks), "")
    for path, mask in files.items():
        filters.save(path, mask)
    writing.write(picture, drawn)
    for path, mask in files.items():
        print(
            f"{path}: {tuple(mask.shape)}, {masks.num_images} image{'s' * (masks.num_images > 1)}"
        )
    print(f"{picture}: both gains at alpha = 5")
