"""`pds train`: train an NCSN++ on portraits, resumable."""

import argparse
from dataclasses import fields
from pathlib import Path

from pds.portraits.train import train
from pds.portraits.trainer import ARCHITECTURES, TrainConfig


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.description = (
        "Trains until all iterations are done, --seconds have passed, or Ctrl-C or SIGTERM stops "
        "it (exit code 130). Everything is saved each time; run it again to go on."
    )
    defaults = {f.name: f.default for f in fields(TrainConfig)}
    parser.add_argument("--out", type=Path, required=True, help="folder; run again to go on")
    parser.add_argument("--size", type=int, choices=ARCHITECTURES, default=defaults["size"])
    parser.add_argument("--device", default=defaults["device"], help="such as cpu or cuda")
    parser.add_argument("--bf16", action="store_true", help="autocast, faster where supported")
    for name in ("iterations", "num_images", "batch_size", "ema_half_life", "seed"):
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, type=int, default=defaults[name], help="default %(default)s")
    for name in ("learning_rate", "save_seconds"):
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, type=float, default=defaults[name], help="default %(default)s")
    parser.add_argument(
        "--start", type=Path, help="weights of half the size that a new run starts from"
    )
    parser.add_argument("--seconds", type=float, help="save everything and end after so many")


def run(arguments: argparse.Namespace) -> None:
    """Train, and print where the weights are."""
    names = [f.name for f in fields(TrainConfig)]
    print(train(TrainConfig(**{name: getattr(arguments, name) for name in names})))
