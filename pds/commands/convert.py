"""`pds convert`: write any checkpoint as one .safetensors file that carries its description."""

import argparse
import os
from pathlib import Path
from typing import get_args

from pds.commands.arguments import shipped_path
from pds.jobs import checkpoint, configuration
from pds.scores import checkpoints
from pds.scores.layouts import WeightsName


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.description = (
        "Writes a checkpoint as one .safetensors file that describes its network, so that `sample` "
        "needs no --config for it."
    )
    parser.epilog = """\
examples:
  %(prog)s google/ncsnpp-church-256 --out church.safetensors
  %(prog)s W/checkpoints/checkpoint.pth --config my_config.py --out mine.safetensors"""
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="checkpoint file (.pth or .safetensors), diffusers folder, or hub name, which may end "
        "in @revision",
    )
    parser.add_argument(
        "--config",
        type=shipped_path,
        metavar="FILE.py",
        help="configuration of a checkpoint that does not describe itself",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE.safetensors", help="file to write"
    )
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    parser.add_argument(
        "--weights",
        choices=get_args(WeightsName),
        default="ema",
        help="which weights, where the source has both: averaged over the training (ema) or the "
        "last ones (raw); default %(default)s",
    )


def run(arguments: argparse.Namespace) -> None:
    """Read the checkpoint, write it, and print what it is."""
    out, source = arguments.out, arguments.source
    _require_writable(out, arguments.force)
    card = configuration.read_configuration(arguments.config).card if arguments.config else None
    score, origin = checkpoint.opened(source, card, weights=arguments.weights)
    if card is not None:
        checkpoint.require_fit(score, card, source)
    checkpoints.save(out, score)
    network, count = score.card.network, sum(p.numel() for p in score.network.parameters())
    print(
        f"{out}: {count:,} parameters, {network.num_channels} channels of {network.image_size} px, "
        f"{score.sde}, {score.card.num_scales} levels, from {source}: {origin}"
    )


def _require_writable(out: Path, force: bool) -> None:
    """Raise before anything is read or downloaded if the file cannot be written."""
    if out.suffix != ".safetensors":
        raise ValueError(f"--out must end in .safetensors, got {out}")
    if out.is_dir():
        raise ValueError(f"--out must be a file, got the folder {out}")
    if out.exists() and not force:
        raise ValueError(f"{out} already exists; choose another name, or add --force")
    parent = next(folder for folder in out.absolute().parents if folder.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise OSError(f"cannot write {out}: {parent} is not a writable folder")
