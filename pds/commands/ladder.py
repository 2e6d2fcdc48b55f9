"""`pds ladder`: measure the noise that vanilla and PDS leave at each N."""

import argparse

from pds import models
from pds.commands.arguments import counts
from pds.evaluation import ladder


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.add_argument("--model", choices=models.MODELS, default="portraits32")
    parser.add_argument("--alpha", type=float, default=5.0)
    parser.add_argument("--counts", type=counts, default=models.LADDER, metavar="N,N,...")
    parser.add_argument("--runs", type=int, default=4, help="of 8 images; default %(default)s")


def run(arguments: argparse.Namespace) -> None:
    """Print a row for each N as it is measured."""
    print("Power above half Nyquist relative to the data (1 is right, more is grain)")
    print(f"{'N':>6} {'vanilla':>9} {'PDS':>9}")
    for num_steps, vanilla, pds in ladder.noise_left(
        arguments.model, arguments.counts, num_runs=arguments.runs, alpha=arguments.alpha
    ):
        print(f"{num_steps:>6} {vanilla:>9.3f} {pds:>9.3f}", flush=True)
