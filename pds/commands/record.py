"""`pds record`: sample the runs that the page shows when it is opened."""

import argparse
from pathlib import Path

from pds import models
from pds.commands.arguments import counts
from pds.evaluation import appearance_record, tuned_record
from pds.jobs.hosting import from_page
from pds.jobs.sheet import Sheet
from pds.request import Request
from pds.web.tabs.compare import live_comparison
from pds.web.tabs.ladder import tab as ladder
from pds.web.tabs.story import tab as story


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.add_argument(
        "--num-steps",
        type=int,
        help="default: the largest recorded N where vanilla is plainly grainy and pds:5 is not",
    )
    parser.add_argument("--num-images", type=int, default=Request.num_images)
    parser.add_argument("--seed", type=int, default=Request.seed)
    parser.add_argument("--model", default=live_comparison.OPENING_MODEL)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--ladder", action="store_true", help="record the ladder instead")
    what.add_argument("--tuned", action="store_true", help="record what the story tunes instead")
    what.add_argument(
        "--appearance",
        type=Path,
        nargs="+",
        metavar="FOLDER",
        help="record what pictures look like, of evaluation folders of the page's models",
    )
    parser.add_argument("--counts", type=counts, default=ladder.COUNTS, metavar="N,N,...")
    parser.add_argument("--out", type=Path, help="file; default the one that the page shows")


def run(arguments: argparse.Namespace) -> None:
    """Record the opening run, the ladder, the tuned samplers of the story, or the appearance."""
    names = ("model", "num_images", "seed")
    request = from_page({name: getattr(arguments, name) for name in names})
    if arguments.appearance:
        out = arguments.out or models.APPEARANCE
        measured = dict(map(appearance_record.measure, arguments.appearance))
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
