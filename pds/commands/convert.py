"""`pds convert`: write any checkpoint as one .safetensors file that carries its description."""

import argparse
from pathlib import Path

from pds.commands.arguments import shipped_path
from pds.jobs import checkpoint, configuration
from pds.scores import checkpoints


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.add_argument("source", help=".pth or .safetensors file, diffusers folder, or hub name")
    parser.add_argument(
        "--config", type=shipped_path, help="configuration of a .pth, which carries none"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.safetensors")
    parser.add_argument("--force", action="store_true", help="replace the file if it is there")


def run(arguments: argparse.Namespace) -> None:
    """Read the checkpoint, write it, and print what it is."""
    out = arguments.out
    if out.suffix != ".safetensors":
        raise ValueError(f"--out must end in .safetensors, got {out}")
    if out.exists() and not arguments.force:
        raise ValueError(f"{out} is there already; choose another name, or add --force")
    card = configuration.read(arguments.config).card if arguments.config else None
    score = checkpoint.read_checkpoint(arguments.source, card)
    out.parent.mkdir(parents=True, exist_ok=True)
    checkpoints.save(out, score)
    network, count = score.card.network, sum(p.numel() for p in score.network.parameters())
    print(
        f"{out}: {count:,} parameters, {network.num_channels} channels of {network.image_size} px, "
        f"{score.sde}, {score.card.num_scales} levels"
    )
