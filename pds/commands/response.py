"""`pds response`: measure the shares of picture and noise that a network keeps."""

import argparse
import math
import sys
from pathlib import Path

from pds import theory
from pds.commands.arguments import add_device
from pds.evaluation import report, response_figure, responses, subject
from pds.evaluation.subject import Subject
from pds.files.writing import require_writable, write
from pds.jobs import ranks
from pds.limits import require_whole
from pds.models import MODELS
from pds.theory import MeasuredResponse, response_file

MOST = 1000
"""Pictures that noise is planted in, at most."""


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.description = (
        "Plants noise of known strength in held-out images, denoises it once, and measures the "
        "share that is kept in every octave and in flat places. Writes NAME.npz for `predict` and "
        "`sample`, NAME.csv, and figures as NAME.html."
    )
    parser.epilog = """\
examples:
  %(prog)s portraits32 --out responses
  %(prog)s my.safetensors --data my_images --out responses"""
    add_measurement(parser)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="folder of the files"
    )


def add_measurement(parser: argparse.ArgumentParser) -> None:
    """Give a parser the model and the options of a measurement."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help=f"one of {', '.join(MODELS)}, or a .safetensors file, which needs --data",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="SOURCE",
        help="held-out images: a folder, .npy or .npz; default the model's own",
    )
    parser.add_argument(
        "--pictures",
        type=int,
        default=responses.NUM_PICTURES,
        metavar="N",
        help="held-out images that noise is planted in; default %(default)s",
    )
    add_device(parser)


def opened(arguments: argparse.Namespace) -> Subject:
    """Return the subject of a measurement, after a check of its options.

    Raises:
        ValueError: if one is out of range, or there is no such model.
        FileNotFoundError: if there are no such files.
    """
    require_whole("--pictures", arguments.pictures, theory.FEWEST, MOST)
    device = ranks.joined().device(arguments.device)
    return subject.open_subject(arguments.model, arguments.data, device)


def run(arguments: argparse.Namespace) -> None:
    """Measure the response, write it, and print the share of noise that is kept."""
    model = opened(arguments)
    name = Path(model.name).stem if model.name.endswith(".safetensors") else model.name
    require_writable(arguments.out / name)
    response = responses.measure_with_progress(model, arguments.pictures)
    _write(arguments.out, name, model, response)
    print(
        "Share of white noise that one denoising keeps in the finest flat places, of "
        f"{response.num_pictures} images.\nRows: sigma given to the network; columns: "
        "strength of the noise relative to it."
    )
    print(responses.table(response))
    distance = responses.distance_from_exact(response)
    shown = "unknown, as no octave has power" if math.isnan(distance) else f"{distance:.3f}"
    print(
        "Stein: (tau <y,y> + rho sigma^2) / <y,y> at 1 x, mean over the octaves; 1 for an exact "
        f"score. Mean distance from 1: {shown}"
    )


def _write(folder: Path, name: str, model: Subject, response: MeasuredResponse) -> None:
    response_file.save(folder / f"{name}.npz", response, model.fingerprint)
    write(folder / f"{name}.csv", responses.to_csv(response).encode())
    if report.can_draw():
        page = response_figure.page(model.field.title, response)
        write(folder / f"{name}.html", page.encode())
    else:
        print(f"{name}.html needs plotly (pip install plotly) and is left out", file=sys.stderr)
