"""`pds predict`: grain and contrast of a network's samplers at any N, without sampling."""

import argparse
import csv
import io
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from pds.appearance import GRAINY, Relative
from pds.arms.names import FORMS, parse_all
from pds.commands import response as measurement
from pds.commands.arguments import counts
from pds.evaluation import responses
from pds.evaluation.prediction import Predictor, sampler_of
from pds.files.writing import require_writable, write
from pds.jobs.quality import format_number
from pds.limits import require_positive
from pds.models import Model
from pds.theory import response_file

ARMS = "vanilla,pds:5,scalar,tuned,ode-heun"
COUNTS = (20, 25, 33, 40, 50, 66, 100, 200)
TUNED = "response"
"""The arm whose settings are searched and printed."""

COMPARED = ("vanilla", "pds:5")
"""Arms whose least N is printed."""

CHECKED = """\
Nothing was sampled: noise was planted in held-out images and denoised once, and what is left of
it is followed through every sampler. Checked against sampling from 32 to 256 px, grain was within
10 % in four of five cases and within 17 % in all, from N = 25 on; at N = 20 within 27 %. Contrast
is less certain: see docs/theory.md."""


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.description = (
        "Predicts grain and contrast of samplers at each N, relative to the network's own "
        "images, from the response of the network: measured now, or read from the file of "
        "`response`. With `response` in --arms, the sampler that is tuned to this network is "
        "searched at each N, some seconds each, and its settings are printed."
    )
    parser.epilog = f"""\
Names: {FORMS}; in --arms without @N.

examples:
  %(prog)s portraits32
  %(prog)s my.safetensors --data my_images --response responses/my.npz"""
    measurement.add_measurement(parser)
    add = parser.add_argument
    add(
        "--response",
        type=Path,
        metavar="FILE.npz",
        help="file of `response`; without it the response is measured",
    )
    add(
        "--arms",
        type=_arms,
        default=ARMS,
        metavar="NAME,NAME,...",
        help="samplers; default %(default)s",
    )
    add(
        "--counts",
        type=counts,
        default=COUNTS,
        metavar="N,N,...",
        help=f"numbers of iterations; default {','.join(map(str, COUNTS))}",
    )
    add(
        "--grain",
        type=float,
        default=GRAINY,
        metavar="G",
        help="print the N that vanilla and pds:5 need to stay below this grain; default "
        "%(default)s, from which on grain is visible",
    )
    add("--csv", type=Path, metavar="FILE.csv", help="write the predictions there too")


def _arms(text: str) -> tuple[str, ...]:
    try:
        return parse_all(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(arguments: argparse.Namespace) -> None:
    """Print the predictions of every arm at every N, and what follows from them."""
    require_positive("--grain", arguments.grain)
    if arguments.csv is not None:
        require_writable(arguments.csv)
    model = measurement.opened(arguments)
    ascending = sorted(set(arguments.counts))
    responses.require_ve(model)
    response = None
    if arguments.response is not None:
        response = response_file.load(arguments.response, model.fingerprint)
    # Before anything is measured, as one may be refused.
    samplers = {
        (arm, n): sampler_of(model.field, arm, n)
        for n in ascending
        for arm in arguments.arms
        if arm != TUNED
    }
    response = response or responses.measure_with_progress(model, arguments.pictures)
    mine = replace(model.field, model=model.model.with_response(response))
    if TUNED in arguments.arms:
        searches = tqdm(ascending, desc="tuning to the network")
        samplers |= {(TUNED, n): sampler_of(mine, TUNED, n) for n in searches}
    predictor = Predictor(mine, response)
    every = {cell: predictor.of_sampler(sampler) for cell, sampler in samplers.items()}
    print(f"{model.name}, response of {response.num_pictures} images.\n{CHECKED}\n")
    _print_table("Grain", "grain", arguments.arms, ascending, every)
    _print_table("Contrast", "contrast", arguments.arms, ascending, every)
    if TUNED in arguments.arms:
        _print_settings(mine.model, ascending)
    for arm in COMPARED:
        _print_fewest(predictor, arm, arguments.grain, ascending)
    every |= _print_alphas(predictor, ascending)
    if arguments.csv is not None:
        write(arguments.csv, _to_csv(every).encode())


def _print_table(
    title: str,
    name: str,
    arms: tuple[str, ...],
    ascending: list[int],
    every: dict[tuple[str, int], Relative],
) -> None:
    """Print grain or contrast of every arm, a row for each N."""
    width = max(10, *(len(arm) + 2 for arm in arms))
    print(f"{title} relative to the network's own images")
    print(f"{'N':>6}" + "".join(f"{arm:>{width}}" for arm in arms))
    for n in ascending:
        values = (format_number(getattr(every[arm, n], name)) for arm in arms)
        print(f"{n:>6}" + "".join(f"{value:>{width}}" for value in values))
    print()


def _print_settings(model: Model, ascending: list[int]) -> None:
    """Print what the sampler that is tuned to the network has at each N."""
    assert model.tuned_to_network is not None
    print(f"{TUNED}: sigma of the first and of the last iteration, snr, gain of each octave from")
    print("coarse to fine (the first is of waves up to 1.5 cycles per image)")
    for n in ascending:
        lowest, highest, snr, gain = model.tuned_to_network(model.sampler(n))
        gains = " ".join(f"{value:.3f}" for value in gain)
        print(f"{n:>6}{highest:>10.4g}{lowest:>10.4g}{snr:>8.3f}  {gains}")
    print()


def _print_fewest(predictor: Predictor, arm: str, grain: float, ascending: list[int]) -> None:
    found = predictor.fewest(arm, grain, ascending)
    if found is None:
        sentence = f"more than {ascending[-1]} iterations"
    elif found == ascending[0]:
        sentence = f"{found} iterations or fewer"
    else:
        sentence = f"{found} iterations"
    print(f"{arm} needs {sentence} to stay below a grain of {grain:g}")


def _print_alphas(predictor: Predictor, ascending: list[int]) -> dict[tuple[str, int], Relative]:
    """Print the best alpha at each N, and return its predictions."""
    found = {}
    print("\nThe alpha whose octaves and grain are nearest to the network's own")
    print(f"{'N':>6}{'alpha':>10}{'grain':>10}{'contrast':>10}")
    for n in ascending:
        alpha = predictor.best_alpha(n)
        arm = f"pds:{alpha:g}"
        found[arm, n] = predictor.of(arm, n)
        numbers = "".join(f"{format_number(value):>10}" for value in found[arm, n])
        print(f"{n:>6}{alpha:>10g}{numbers}")
    return found


def _to_csv(every: dict[tuple[str, int], Relative]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["arm", "N", *Relative._fields])
    for (arm, n), predicted in every.items():
        writer.writerow([arm, n, *(f"{value:.5g}" for value in predicted)])
    return text.getvalue()
