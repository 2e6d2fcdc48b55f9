"""`pds evaluate`: draw many images of many samplers, and report how good they are."""

import argparse
import sys
from pathlib import Path

import torch
from torch import Tensor

from pds.arms.names import FORMS, parse, parse_all
from pds.commands import drawn
from pds.commands.arguments import counts
from pds.evaluation import (
    draw,
    equal_grain,
    equivalence,
    fid,
    judgments,
    report,
    subject,
    table,
    validation,
)
from pds.evaluation.evidence import Evidence
from pds.evaluation.metrics import Reference
from pds.evaluation.store import CONVERGED_SEED, NETWORK, Batch, Cell, Store
from pds.evaluation.subject import Subject
from pds.files.writing import write
from pds.jobs import ranks
from pds.limits import MAX_SEED, require_positive
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
        "Draws the missing images of every sampler at every N, then compares all in the folder "
        "with the network's own pictures and with held-out data. Run it again with other samplers, "
        "counts or more images to add to the folder. Ctrl-C stops the drawing and reports on what "
        "is there (exit code 130). Under torchrun -m pds evaluate ... the ranks share the work. "
        "With --drawn it draws nothing, and measures the FID of pictures that main.py has drawn "
        "against those of --data."
    )
    parser.epilog = f"""\
Names: {FORMS}; in --arms without @N.

examples:
  %(prog)s --out runs/p32 --arms vanilla,pds:5 --counts 50,25
  %(prog)s --out runs/mine --model my.safetensors --data my_images
  %(prog)s --drawn W/eval --data my_images --inception FILE.pth --record fid.csv"""
    _add_subject(parser.add_argument_group("network and data"))
    _add_drawing(parser.add_argument_group("what is drawn"))
    _add_comparison(parser.add_argument_group("what it is compared with"))
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--report-only", action="store_true", help="report, and draw nothing")
    what.add_argument(
        "--validate",
        action="store_true",
        help="draw nothing, and print what the metrics see of known changes to held-out images",
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
        help="folders of pictures that main.py has drawn, such as W/eval W/eval/vanilla",
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
    add(
        "--device",
        default="cpu",
        metavar="DEVICE",
        help="cpu, cuda or cuda:N; default %(default)s",
    )


def _add_drawing(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--arms",
        type=_arms,
        default=ARMS,
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
    add(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="image i is drawn from seed + i; default %(default)s",
    )
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
        help="begin no batch after this time, and report on what is there; default no limit",
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
        help="sampler that draws the network's own pictures; default ode-heun@50",
    )
    add(
        "--converged-images",
        type=int,
        default=1024,
        metavar="N",
        help="of the network's own pictures; 0 compares with held-out images only; default "
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
        help="also write classifier.csv: how often a classifier tells N pictures of each sampler "
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


def run(arguments: argparse.Namespace) -> None:
    """Draw the missing images on all ranks, and write the report on the first."""
    _require_one_task(arguments)
    if arguments.drawn is not None:
        drawn.run(arguments)
        return
    this_rank = ranks.joined()
    try:
        with this_rank.together("jobs"):
            _require_counts(arguments)
            model = subject.load(
                arguments.model, arguments.data, this_rank.device(arguments.device)
            )
            store = Store(arguments.out)
            if this_rank.first:
                store.claim(model.name, model.fingerprint, seed=arguments.seed)
            drawing = not (arguments.report_only or arguments.validate)
            batches = _missing(arguments, model, store) if drawing else []
    except ranks.Elsewhere:
        raise SystemExit(2) from None
    share = batches[this_rank.rank :: this_rank.world_size]
    stopped = False
    try:
        draw.draw(store, model, share, seed=arguments.seed, seconds=arguments.seconds)
    except KeyboardInterrupt:
        stopped = True
    this_rank.finish()
    if this_rank.first and (store.cells() or not stopped):
        _conclude(arguments, model, store)
    if stopped:
        raise KeyboardInterrupt


def _require_one_task(arguments: argparse.Namespace) -> None:
    """Refuse options that the chosen one of --drawn and --out does not have."""
    if arguments.drawn is None:
        if arguments.record is not None:
            raise ValueError("--record is of --drawn; --out has its own tables, fid.csv among them")
        return
    parser = argparse.ArgumentParser()
    add(parser)
    defaults = vars(parser.parse_args(["--drawn", "."]))
    for name, value in vars(arguments).items():
        if name in defaults and name not in drawn.USED and value != defaults[name]:
            raise ValueError(
                f"--{name.replace('_', '-')} is for pictures that are drawn here, and --drawn "
                "names finished ones; leave one of the two out"
            )


def _require_counts(arguments: argparse.Namespace) -> None:
    for name, low, high in (
        ("images", 2, 100_000),
        ("batch", 1, 100_000),
        ("seed", 0, MAX_SEED),
        ("reference", 100, 100_000),
        ("converged-images", 0, CONVERGED_SEED),
        ("classifier", 0, 100_000),
    ):
        value = getattr(arguments, name.replace("-", "_"))
        if value is not None and not low <= value <= high:
            raise ValueError(f"--{name} must lie in {low} to {high}, got {value}")
    if arguments.seconds is not None:
        require_positive("--seconds", arguments.seconds)


def _missing(arguments: argparse.Namespace, model: Subject, store: Store) -> list[Batch]:
    """Return the batches to draw; an unsupported arm or N is an error before any is drawn."""
    # First what all others are compared with, for runs that are stopped.
    cells = {arguments.converged: arguments.converged_images} if arguments.converged_images else {}
    cells |= {Cell(arm, n): arguments.images for n in arguments.counts for arm in arguments.arms}
    for cell in cells:
        draw.plan(model, *cell.drawn_by)
    size = arguments.batch or draw.batch_size(model)
    wanted = (store.missing(cell, count, size) for cell, count in cells.items())
    return [batch for batches in wanted for batch in batches]


def _conclude(arguments: argparse.Namespace, model: Subject, store: Store) -> None:
    """Print the validation, or write the tables and the report of everything in the folder."""
    if not arguments.validate and not store.cells():
        raise ValueError(
            f"{store.folder} holds no images yet; run without --report-only or with more --seconds"
        )
    images = store.reference(
        arguments.reference or REFERENCE, source=model.source, held_out=model.held_out
    )
    checked = validation.check(images)
    if arguments.validate:
        print(validation.text(checked))
        return
    if arguments.inception is not None:
        lines = fid.table(store, images, fid.load(arguments.inception, model.device))
        write(store.folder / "fid.csv", "".join([fid.HEADER, *lines]).encode())
    own = store.own_pictures(arguments.converged, arguments.converged_images)
    cells = table.cells(store)
    if arguments.classifier:
        _judge(arguments, store, cells, own, model.device)
    pictures = {"network": own, "data": images}
    references = {name: Reference.of(part) for name, part in pictures.items() if part is not None}
    every = Evidence.of(store, references, cells)
    judged = judgments.load(store)
    tables = report.Tables(
        rows=[row for evidence in every for row in table.rows(evidence, model)],
        matches=[
            *(match for evidence in every for match in equivalence.matches(evidence)),
            *judgments.matches(judged),
        ],
        judgments=judged,
        equal_grain=list(equal_grain.compare(every[0])),
        checked=checked,
    )
    for name, text in (
        ("table.csv", table.to_csv(tables.rows)),
        ("equivalence.csv", equivalence.to_csv(tables.matches)),
        ("equal_grain.csv", equal_grain.to_csv(tables.equal_grain)),
    ):
        write(store.folder / name, text.encode())
    if report.can_draw():
        page = report.page(model.field.title, tables, arguments.converged)
        write(store.folder / "report.html", page.encode())
    else:
        print("report.html needs plotly (pip install plotly) and is left out", file=sys.stderr)
    _tell(store, every[0])


def _judge(
    arguments: argparse.Namespace,
    store: Store,
    cells: list[Cell],
    own: Tensor | None,
    device: torch.device,
) -> None:
    if own is None:
        raise ValueError("--classifier needs the network's own pictures; see --converged-images")
    judgments.judge(store, cells, own, arguments.converged, arguments.classifier, device=device)


def _tell(store: Store, evidence: Evidence) -> None:
    """Print which cells diverged, and where the report is."""
    for (arm, num_steps), measured in evidence.cells.items():
        if measured.diverged:
            share = f"{measured.diverged} of {measured.images}"
            print(f"{arm} at N = {num_steps} diverged: {share} images", file=sys.stderr)
    files = "report.html and table.csv" if report.can_draw() else "table.csv"
    print(f"{store.folder}: {len(evidence.cells)} cells in {files}")
