"""`pds record`: sample the runs that the page shows when it is opened."""

import argparse
from pathlib import Path

from pds import models
from pds.commands.arguments import counts
from pds.evaluation import appearance_record, tuned_record
from pds.files.writing import require_writable
from pds.jobs.hosting import from_page
from pds.jobs.sheet import Sheet
from pds.request import Request
from pds.web.tabs.compare import live_comparison
from pds.web.tabs.ladder import tab as ladder
from pds.web.tabs.story import tab as story


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.description = (
        "Writes the files of assets/ that the page shows before anything is sampled: by default "
        "the run that it opens with, otherwise what the options below name."
    )
    add = parser.add_argument
    add(
        "--num-steps",
        type=int,
        metavar="N",
        help="iterations of the opening run; default the largest recorded N where vanilla is "
        "plainly grainy and pds:5 is not",
    )
    add(
        "--num-images",
        type=int,
        default=Request.num_images,
        metavar="N",
        help="images of each sampler; default %(default)s",
    )
    add(
        "--seed",
        type=int,
        default=Request.seed,
        metavar="N",
        help="image i starts from seed + i; default %(default)s",
    )
    add(
        "--model",
        default=live_comparison.OPENING_MODEL,
        metavar="MODEL",
        help=f"one of {', '.join(models.MODELS)}; default %(default)s",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--ladder", action="store_true", help="record the ladder")
    what.add_argument("--tuned", action="store_true", help="record the tuned samplers of the story")
    what.add_argument(
        "--appearance",
        type=Path,
        nargs="+",
        metavar="FOLDER",
        help="record grain and contrast of the networks' own images, from the folders of "
        "`evaluate`, one for each model",
    )
    add(
        "--counts",
        type=counts,
        default=ladder.COUNTS,
        metavar="N,N,...",
        help=f"columns of the ladder; default {','.join(map(str, ladder.COUNTS))}",
    )
    add(
        "--out",
        type=Path,
        metavar="FILE.json",
        help="file to write; default the one that the page shows",
    )


def run(arguments: argparse.Namespace) -> None:
    """Record the opening run, the ladder, the tuned samplers of the story, or the appearance."""
    names = ("model", "num_images", "seed")
    request = from_page({name: getattr(arguments, name) for name in names})
    if arguments.out:
        require_writable(arguments.out)
    if arguments.appearance:
        out = arguments.out or models.APPEARANCE
        measured = dict(map(appearance_record.measure_folder, arguments.appearance))
        appearance_record.save(measured, out)
        print(f"{out}: {', '.join(measured)}")
    elif arguments.tuned:
        out = arguments.out or tuned_record.RECORDED
        tuned_record.record(story.FIELDS, out)
        print(f"{out}: {', '.join(story.FIELDS)}")
    elif arguments.ladder:
        out = arguments.out or ladder.RECORDED
        sheet = Sheet(ladder.OPENING_ROWS, arguments.counts, request.model, seed=request.seed)
        print(f"{out}: {ladder.record(sheet, out)['sentence']}")
    else:
        out = arguments.out or live_comparison.FIRST_PAINT
        num_steps = arguments.num_steps
        if num_steps is None:
            num_steps = live_comparison.opening_steps(appearance_record.samplers(request.model))
        request = from_page({**vars(request), "num_steps": num_steps})
        print(f"{out}: {live_comparison.record(request, out)['verdict']}")
