"""`pds ladder`: measure grain and contrast of vanilla and PDS at each N."""

import argparse

from pds import models
from pds.commands.arguments import counts
from pds.evaluation import ladder
from pds.jobs import quality
from pds.limits import require_whole


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.description = (
        "Samples vanilla and PDS at each number of iterations N, and prints a row of their grain "
        "and contrast, relative to the network's own images, as soon as it is measured."
    )
    add = parser.add_argument
    add(
        "--model",
        choices=models.MODELS,
        default="portraits32",
        metavar="MODEL",
        help=f"one of {', '.join(models.MODELS)}; default %(default)s",
    )
    add(
        "--alpha",
        type=float,
        default=5.0,
        metavar="A",
        help="strength of the filter of PDS, > 1; larger is weaker; default %(default)s",
    )
    add(
        "--counts",
        type=counts,
        default=models.LADDER,
        metavar="N,N,...",
        help=f"numbers of iterations; default {','.join(map(str, models.LADDER))}",
    )
    add(
        "--runs",
        type=int,
        default=4,
        metavar="N",
        help="runs of 8 images at each N; default %(default)s",
    )


def run(arguments: argparse.Namespace) -> None:
    """Print a row for each N as it is measured, and then what the rows say."""
    require_whole("--runs", arguments.runs, 1)
    own = quality.reference_of(models.load_model(arguments.model))
    num_images = 8 * arguments.runs
    margin = quality.contrast_margin(num_images)
    print(f"Grain and contrast (± {margin:.1f}) of {num_images} images, relative to {own}")
    print(f"{'':>6} {'grain':>9} {'':>9} {'contrast':>11}")
    print(f"{'N':>6} {'vanilla':>9} {'PDS':>9} {'vanilla':>11} {'PDS':>9}")
    measured = []
    for row in ladder.rungs(
        arguments.model, arguments.counts, num_runs=arguments.runs, alpha=arguments.alpha
    ):
        measured.append(row)
        grain = [quality.format_number(side.grain) for side in (row.vanilla, row.pds)]
        contrast = [quality.format_number(side.contrast) for side in (row.vanilla, row.pds)]
        numbers = f"{grain[0]:>9} {grain[1]:>9} {contrast[0]:>11} {contrast[1]:>9}"
        print(f"{row.num_steps:>6} {numbers}", flush=True)
    print(ladder.sentence(measured, own))
