"""The options of `pds evaluate`."""

import argparse
from pathlib import Path

from pds.arms.names import FORMS, parse, parse_all
from pds.commands.arguments import add_device, add_seed, counts
from pds.evaluation import draw
from pds.evaluation.store import NETWORK, Cell
from pds.models import MODELS

ARMS = (
    "vanilla,pds:2,pds:3,pds:5,pds:10,pds:20,pds+space:5,tuned,levels,snr,tuned+gain,tuned+pds:5,"
    "gain,split,steady,scalar,inverted:5,preserving:5,corrector:5,predictor:5,ode-euler,ode-heun"
)
REFERENCE = 2000
"""Held-out images, where no number is given."""
COUNTS = (200, 133, 100, 66, 50, 40, 33, 25, 20, 15, 10)


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.description = (
        "Samples the missing images of every sampler at every N, then compares all images in the "
        "folder with the network's own images and with held-out data. Run it again with other "
        "samplers, "
        "counts or more images to add to the folder. Ctrl-C stops the sampling and reports on the "
        "images so far (exit code 130). The processes of torchrun -m pds evaluate ... share the "
        "work. "
        "With --drawn it samples nothing, and measures the FID of images that main.py has sampled "
        "against those of --data."
    )
    parser.epilog = f"""\
Names: {FORMS}; in --arms without @N.

examples:
  %(prog)s --out runs/p32 --arms vanilla,pds:5 --counts 50,25
  %(prog)s --out runs/mine --model my.safetensors --data my_images
  %(prog)s --drawn W/eval --data my_images --inception FILE.pth --record fid.csv"""
    parser.set_defaults(default_of=parser.get_default)
    _add_subject(parser.add_argument_group("network and data"))
    _add_drawing(parser.add_argument_group("what is sampled"))
    _add_comparison(parser.add_argument_group("what it is compared with"))
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--report-only", action="store_true", help="report, and sample nothing")
    what.add_argument(
        "--validate",
        action="store_true",
        help="sample nothing, and print how the metrics respond to known changes of held-out "
        "images",
    )


def _add_subject(group: argparse._ArgumentGroup) -> None:
    where = group.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="folder of the images, the tables and report.html",
    )
    where.add_argument(
        "--drawn",
        type=Path,
        nargs="+",
        metavar="FOLDER",
        help="folders of images that main.py has sampled, such as W/eval W/eval/vanilla",
    )
    add = group.add_argument
    add(
        "--model",
        default="portraits32",
        metavar="MODEL",
        help=f"one of {', '.join(MODELS)}, or a .safetensors file, which needs --data; default "
        "%(default)s",
    )
    add(
        "--data",
        type=Path,
        metavar="SOURCE",
        help="held-out images: a folder, a .zip archive, .npy or .npz; default the model's own",
    )
    add_device(group)


def _add_drawing(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--arms",
        type=_arms,
        default=parse_all(ARMS),
        metavar="NAME,NAME,...",
        help=f"samplers; default {ARMS.replace(',', ', ')}",
    )
    add(
        "--counts",
        type=counts,
        default=COUNTS,
        metavar="N,N,...",
        help=f"numbers of iterations; default {','.join(map(str, COUNTS))}",
    )
    add(
        "--images",
        type=int,
        default=64,
        metavar="N",
        help="images of each sampler at each N; default %(default)s",
    )
    add_seed(group)
    add(
        "--batch",
        type=int,
        metavar="N",
        help=f"images at a time; default {draw.CPU_BATCH}, on a GPU what fits, at most "
        f"{draw.GPU_BATCH}",
    )
    add(
        "--seconds",
        type=float,
        metavar="S",
        help="begin no batch after this time, and report on the images so far; default no limit",
    )


def _add_comparison(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--reference",
        type=int,
        metavar="N",
        help=f"held-out images to compare with; default {REFERENCE}, with --drawn all",
    )
    add(
        "--converged",
        type=_converged,
        default=NETWORK,
        metavar="NAME@N",
        help="sampler of the network's own images; default ode-heun@50",
    )
    add(
        "--converged-images",
        type=int,
        default=1024,
        metavar="N",
        help="of the network's own images; 0 compares with held-out images only; default "
        "%(default)s",
    )
    add(
        "--inception",
        type=Path,
        metavar="FILE.pth",
        help="weights for FID, pytorch-fid's pt_inception-2015-12-05-6726825d.pth; with --out it "
        "writes fid.csv too",
    )
    add(
        "--record",
        type=Path,
        metavar="FILE.csv",
        help="add the FIDs of --drawn to this file",
    )
    add(
        "--classifier",
        type=int,
        default=0,
        metavar="N",
        help="also write classifier.csv: how often a classifier tells N images of each sampler "
        "from as many of the network's own; default %(default)s, none",
    )


def _arms(text: str) -> tuple[str, ...]:
    try:
        return parse_all(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _converged(text: str) -> Cell:
    name, _, num_steps = text.partition("@")
    try:
        return Cell(parse(name).name, int(num_steps)).converged
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected an arm and a number of iterations such as ode-heun@50, got {text!r}"
        ) from None
