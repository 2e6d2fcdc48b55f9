"""`pds evaluate`: draw many images of many samplers, and report how good they are."""

import argparse
import sys

import torch
from torch import Tensor

from pds.commands import drawn
from pds.commands.evaluate_options import REFERENCE
from pds.commands.evaluate_options import add as add
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
from pds.evaluation.store import CONVERGED_SEED, Batch, Cell, Store
from pds.evaluation.subject import Subject
from pds.files.writing import write
from pds.jobs import ranks
from pds.limits import MAX_SEED, require_positive


def run(arguments: argparse.Namespace) -> None:
    """Draw the missing images on all ranks; write the report, or measure --drawn, on the first."""
    _require_one_task(arguments)
    this_rank = ranks.joined()
    if arguments.drawn is not None:
        if this_rank.first:
            drawn.run(arguments)
        return
    try:
        with this_rank.together("jobs"):
            _require_counts(arguments)
            model = subject.open_subject(
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
        draw.draw_batches(store, model, share, seed=arguments.seed, seconds=arguments.seconds)
    except KeyboardInterrupt:
        stopped = True
    this_rank.finish()
    if this_rank.first and (store.cells() or not stopped):
        _conclude(arguments, model, store)
    if stopped:
        raise KeyboardInterrupt


def _require_one_task(arguments: argparse.Namespace) -> None:
    """Refuse options of --out with --drawn, and options of --drawn with --out."""
    if arguments.drawn is None:
        if arguments.record is not None:
            raise ValueError(
                "--record needs --drawn; --out writes tables of its own, such as fid.csv"
            )
        return
    for name, value in vars(arguments).items():
        if name not in drawn.USED and value != arguments.default_of(name):
            raise ValueError(
                f"--{name.replace('_', '-')} is for images that are sampled here, and --drawn "
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
    # The reference of all others comes first, in case the run is stopped.
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
    if arguments.validate:
        print(validation.text(validation.check(images)))
        return
    if arguments.inception is not None:
        lines = fid.csv_lines(store, images, fid.load_inception(arguments.inception, model.device))
        write(store.folder / "fid.csv", "".join([fid.HEADER, *lines]).encode())
    own = store.own_pictures(arguments.converged, arguments.converged_images)
    cells = table.cells(store)
    if arguments.classifier:
        _judge(arguments, store, cells, own, model.device)
    pictures = {"network": own, "data": images}
    references = {name: Reference.of(part) for name, part in pictures.items() if part is not None}
    every = Evidence.of(store, references, cells)
    judged = judgments.read_judgments(store)
    tables = report.Tables(
        rows=[row for evidence in every for row in table.rows(evidence, model)],
        matches=[
            *(match for evidence in every for match in equivalence.matches(evidence)),
            *judgments.matches(judged),
        ],
        judgments=judged,
        equal_grain=list(equal_grain.compare(every[0])),
    )
    for name, text in (
        ("table.csv", table.to_csv(tables.rows)),
        ("equivalence.csv", equivalence.to_csv(tables.matches)),
        ("equal_grain.csv", equal_grain.to_csv(tables.equal_grain)),
    ):
        write(store.folder / name, text.encode())
    if report.can_draw():
        checked = validation.check(images)
        page = report.page(model.field.title, tables, checked, arguments.converged)
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
        raise ValueError("--classifier needs the network's own images; see --converged-images")
    judgments.judge(store, cells, own, arguments.converged, arguments.classifier, device=device)


def _tell(store: Store, evidence: Evidence) -> None:
    """Print which cells diverged, and where the report is."""
    for (arm, num_steps), measured in evidence.cells.items():
        if measured.diverged:
            share = f"{measured.diverged} of {measured.images}"
            print(f"{arm} at N = {num_steps} diverged: {share} images", file=sys.stderr)
    files = "report.html and table.csv" if report.can_draw() else "table.csv"
    print(f"{store.folder}: {len(evidence.cells)} cells in {files}")
