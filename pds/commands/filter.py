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
    parser.description = (
        "Estimates the two filters of PDS from some hundred images, and writes PREFIX_freq.npy, "
        "PREFIX_space.npy and PREFIX_gain.png, a drawing of their gains. Subfolders and archives "
        "within a folder are read too. Images may be PNG, JPEG, WebP, GIF, BMP, TIFF, netpbm, "
        "AVIF or JPEG 2000 files of any name; what is not read is counted by kind."
    )
    parser.epilog = """\
examples:
  %(prog)s my_images --size 256 --out mine
  %(prog)s portraits --num-images 500 --out drawn"""
    add = parser.add_argument
    add(
        "source",
        metavar="SOURCE",
        help="images: a folder, .zip archive, .npy or .npz file, or one image file. Or a source "
        "that makes images: a .safetensors checkpoint, a model of the page, or `portraits`, the "
        "drawn faces",
    )
    add("--out", type=Path, required=True, metavar="PREFIX", help="of the files, such as my/filter")
    add(
        "--size",
        type=int,
        default=32,
        metavar="PIXELS",
        help="width and height of the filter, as the network has; default %(default)s",
    )
    add(
        "--channels",
        type=int,
        choices=(1, 3),
        default=3,
        help="1 for gray, 3 for colors; default %(default)s",
    )
    add(
        "--enlarge",
        action="store_true",
        help="take images smaller than --size too, which lack its fine frequencies",
    )
    add(
        "--range",
        type=float,
        nargs=2,
        metavar=("BLACK", "WHITE"),
        help="values of black and white in arrays and in images of more than 8 bits, such as "
        "-1 1 or 0 4095; default by the type of the numbers",
    )
    add(
        "--key",
        metavar="NAME",
        help="name of the images in an .npz file of several arrays",
    )
    add(
        "--num-images",
        type=int,
        default=5000,
        metavar="N",
        help="number of images, where the source makes them; default %(default)s",
    )
    add(
        "--num-steps",
        type=int,
        default=400,
        metavar="N",
        help="iterations of each image, where a network makes them; default %(default)s",
    )


def run(arguments: argparse.Namespace) -> None:
    """Estimate both masks and write them, with a drawing of their gains."""
    out = arguments.out
    writing.require_writable(out)
    batches, total = _images(arguments)
    # Errors of the source come before the progress bar.
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
        "the filter natural, which needs no images, differs from this one in gain by "
        f"{gap.rms:.3f} (rms), at most {gap.largest:.3f}, at alpha = 5"
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
    drawn = pictures.encode_png(filter_picture.drawing(masks), "")
    for path, mask in files.items():
        filters.save(path, mask)
    writing.write(picture, drawn)
    for path, mask in files.items():
        print(
            f"{path}: {tuple(mask.shape)}, {masks.num_images} image{'s' * (masks.num_images > 1)}"
        )
    print(f"{picture}: both gains at alpha = 5")
