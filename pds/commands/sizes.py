"""`pds sizes`: measure the same samplers with networks of several image sizes."""

import argparse
import math
import time
from pathlib import Path

import torch

from pds import models, theory
from pds.commands.arguments import add_device
from pds.evaluation import draw, law, resolution, subject
from pds.evaluation.features import features
from pds.evaluation.resolution import Record, groups, num_images
from pds.evaluation.subject import Subject
from pds.files.writing import write
from pds.limits import require_positive, require_whole
from pds.sampling import ScoreFn


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.description = (
        "Runs the same samplers at the same N with networks of several resolutions, plants noise "
        "in held-out images and denoises it once, and writes law.csv, alpha.csv, planted.csv and "
        "survival.csv of everything in the folder. Run it again to continue where it stopped."
    )
    add = parser.add_argument
    add(
        "--out",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="folder of the tables and of one .npz for each model",
    )
    add(
        "--models",
        default=",".join(_portraits()),
        metavar="MODEL,MODEL,...",
        help="models of the page; default %(default)s",
    )
    add(
        "--images",
        type=int,
        default=64,
        metavar="N",
        help=f"images of each cell at {resolution.SMALLEST} px, half as many at twice the size, at "
        f"least {resolution.FEWEST_IMAGES}; default %(default)s",
    )
    add(
        "--planted",
        type=int,
        default=16,
        metavar="N",
        help="held-out images to plant noise in, at least 8; default %(default)s",
    )
    add(
        "--reference",
        type=int,
        default=200,
        metavar="N",
        help="held-out images to compare with; default %(default)s",
    )
    add(
        "--seconds",
        type=float,
        metavar="S",
        help="begin no cell after this time; default no limit",
    )
    add_device(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--draw-only", action="store_true", help="sample, and write no tables")
    what.add_argument("--report-only", action="store_true", help="write the tables, sample nothing")


def _portraits() -> list[str]:
    return [name for name in models.MODELS if name.startswith("portraits")]


def run(arguments: argparse.Namespace) -> None:
    """Draw what is missing, in the order of `groups`, then write the tables."""
    require_whole("--images", arguments.images, 2)
    require_whole("--planted", arguments.planted, theory.FEWEST)
    require_whole("--reference", arguments.reference, subject.FEWEST)
    if arguments.seconds is not None:
        require_positive("--seconds", arguments.seconds)
    device = torch.device(arguments.device)
    subjects = [subject.open_subject(name, None, device) for name in arguments.models.split(",")]
    records = [Record.of(arguments.out, one) for one in subjects]
    if not arguments.report_only:
        _draw(arguments, subjects, records)
    if not arguments.draw_only:
        _report(arguments, subjects, records)


def _draw(arguments: argparse.Namespace, subjects: list[Subject], records: list[Record]) -> None:
    deadline = time.monotonic() + (arguments.seconds or math.inf)
    scores = [draw.prepared(one) for one in subjects]
    every = list(zip(subjects, records, scores, strict=True))
    for one, record, score in every:
        if not record.is_planted and time.monotonic() < deadline:
            resolution.plant(record, one, score, arguments.planted)
    counts = [num_images(one.model.image_shape[-1], arguments.images) for one in subjects]
    for row in zip(*map(groups, counts), strict=True):
        for (one, record, score), group in zip(every, row, strict=True):
            if record.lacks(group) and time.monotonic() < deadline:
                _draw_group(one, record, score, group)


def _draw_group(one: Subject, record: Record, score: ScoreFn, group: resolution.Group) -> None:
    started = time.monotonic()
    record.add_cells(resolution.draw_group(one, score, group))
    cell = group.cells[0]
    taken = time.monotonic() - started
    print(
        f"{one.name}: {cell.arm} and {len(group.cells) - 1} more at N = {cell.num_steps}, "
        f"{group.num_images} images each: {taken:.1f} s",
        flush=True,
    )


def _report(arguments: argparse.Namespace, subjects: list[Subject], records: list[Record]) -> None:
    for record, one in zip(records, subjects, strict=True):
        if record.features("data") is None:
            record.add_data(features(one.held_out(arguments.reference)))
    for name, table in law.tables(records, subjects):
        path = arguments.out / f"{name}.csv"
        write(path, table)
        print(path)
