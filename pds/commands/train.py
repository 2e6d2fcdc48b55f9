"""`pds train`: train an NCSN++ on portraits, resumable."""

import argparse
from dataclasses import fields
from pathlib import Path

from pds.portraits.train import train
from pds.portraits.trainer import ARCHITECTURES, TrainConfig

WHOLE = {
    "iterations": ("N", "steps of the optimizer"),
    "num_images": ("N", "portraits to train on"),
    "batch_size": ("N", "portraits of a step"),
    "ema_half_life": ("N", "portraits after which the average of the weights has half forgotten"),
    "seed": ("N", "of weights, noise and order"),
}
DECIMAL = {
    "learning_rate": ("RATE", "of the optimizer, after its warm-up"),
    "save_seconds": ("S", "seconds from one save to the next"),
}


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.description = (
        "Trains an NCSN++ on drawn portraits until all iterations are done, --seconds have passed, "
        "or Ctrl-C or SIGTERM stops it (exit code 130). Everything is saved each time; run it "
        "again to continue."
    )
    defaults = {f.name: f.default for f in fields(TrainConfig)}
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="FOLDER", help="folder of the run")
    add(
        "--size",
        type=int,
        choices=ARCHITECTURES,
        default=defaults["size"],
        help="width and height of the portraits in pixels; default %(default)s",
    )
    add(
        "--device",
        default=defaults["device"],
        metavar="DEVICE",
        help="such as cpu or cuda; default %(default)s",
    )
    add("--bf16", action="store_true", help="compute in bfloat16, faster where it is supported")
    for kind, helps in ((int, WHOLE), (float, DECIMAL)):
        for name, (metavar, sentence) in helps.items():
            flag = "--" + name.replace("_", "-")
            sentence += "; default %(default)s"
            add(flag, type=kind, default=defaults[name], metavar=metavar, help=sentence)
    add(
        "--start",
        type=Path,
        metavar="FILE.safetensors",
        help="weights of half the size that a new run starts from; default random ones",
    )
    add(
        "--seconds",
        type=float,
        metavar="S",
        help="save everything and end after this time; default no limit",
    )


def run(arguments: argparse.Namespace) -> None:
    """Train, and print where the weights are."""
    names = [f.name for f in fields(TrainConfig)]
    print(train(TrainConfig(**{name: getattr(arguments, name) for name in names})))
