"""`pds sheet`: samplers by numbers of iterations, as one picture and a table of numbers."""

import argparse
import sys
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from pds.arms.names import FORMS
from pds.commands.arguments import counts
from pds.files import writing
from pds.jobs import sheet_files
from pds.jobs.sheet import NUM_STEPS, SAMPLERS, Column, Progress, Sheet, draw_sheet
from pds.models import MODELS


def names(text: str) -> list[str]:
    """Read names such as vanilla,pds:5 from an argument."""
    return [name.strip() for name in text.split(",")]


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.description = (
        "Writes a PNG with a row for each sampler and a column for each number of iterations N, "
        "and prints grain, contrast and network calls of every cell."
    )
    parser.epilog = f"""\
Names: {FORMS}.

examples:
  %(prog)s --samplers vanilla,pds:5,ode-heun --num-steps 66,25
  %(prog)s --alphas 2,5,20 --num-steps 50,25 --csv sheet.csv"""
    add = parser.add_argument
    add(
        "--samplers",
        type=names,
        metavar="NAME,NAME,...",
        help=f"a row each, without @N; default {','.join(SAMPLERS)}, or none with --alphas",
    )
    add(
        "--alphas",
        type=names,
        default=[],
        metavar="A,A,...",
        help="a row pds:A for each, below those of --samplers; default none",
    )
    add(
        "--num-steps",
        type=counts,
        default=NUM_STEPS,
        metavar="N,N,...",
        help=f"a column each; default {','.join(map(str, NUM_STEPS))}",
    )
    add(
        "--model",
        default=Sheet.model,
        metavar="MODEL",
        help=f"one of {', '.join(MODELS)}; default %(default)s",
    )
    add(
        "--num-images",
        type=int,
        default=Sheet.num_images,
        metavar="N",
        help="images of a cell; default %(default)s",
    )
    add(
        "--seed",
        type=int,
        default=Sheet.seed,
        metavar="N",
        help="image i of a cell starts from seed + i; default %(default)s",
    )
    add(
        "--out",
        type=Path,
        default=Path("sheet.png"),
        metavar="FILE.png",
        help="PNG to write; default %(default)s",
    )
    add("--csv", type=Path, metavar="FILE.csv", help="write the numbers there too")


def run(arguments: argparse.Namespace) -> None:
    """Draw the sheet, write its files, and print its numbers."""
    default = [] if arguments.alphas else list(SAMPLERS)
    chosen = default if arguments.samplers is None else arguments.samplers
    sheet = Sheet(
        samplers=(*chosen, *(f"pds:{alpha}" for alpha in arguments.alphas)),
        num_steps=arguments.num_steps,
        model=arguments.model,
        num_images=arguments.num_images,
        seed=arguments.seed,
    )
    for path in filter(None, (arguments.out, arguments.csv)):
        writing.require_writable(path)
    columns = _drawn(sheet)
    numbers = [
        columns[n][row].numbers for row in range(len(sheet.samplers)) for n in sheet.num_steps
    ]
    tiles = {n: [cell.picture for cell in column] for n, column in columns.items()}
    writing.write(arguments.out, sheet_files.png(sheet, tiles))
    if arguments.csv:
        writing.write(arguments.csv, sheet_files.to_csv(sheet, numbers).encode())
    print(f"{arguments.out}: {len(sheet.samplers)} samplers at {len(sheet.num_steps)} N")
    print(sheet_files.to_text(sheet, numbers))


def _drawn(sheet: Sheet) -> dict[int, Column]:
    """Draw a sheet and return its columns by N, with progress on stderr."""
    columns: dict[int, Column] = {}
    form = "{desc} {percentage:3.0f}% |{bar}| {remaining} left"
    with (
        tqdm(total=1.0, bar_format=form, file=sys.stderr) as bar,
        closing(draw_sheet(sheet)) as items,
    ):
        for item in items:
            if isinstance(item, Progress):
                bar.set_description_str(f"N = {item.num_steps}", refresh=False)
                bar.update(item.share - bar.n)
            else:
                columns[item[0].numbers.num_steps] = item
        bar.update(1.0 - bar.n)
    return columns
