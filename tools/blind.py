"""A blind test of grain: pairs of samplers judged by eye, compared with the measured grain.

    python -m tools.blind draw runs/p32 runs/p64 --out runs/blind --pairs 40
    python -m tools.blind score runs/blind choices.csv

`draw` takes pictures that `python -m pds evaluate` kept and writes sheets of two pairs each: four
pictures of one sampler on the left, four of another at the same N from the same seeds on the
right. The order is random and written to key.csv alone. Judge every pair before opening that file:
choices.csv has a line `pair,choice` for each, the choice being left, right or alike. `score`
compares the choices with the measured grain, as the verdict of the page does.
"""

import argparse
import csv
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from pds.appearance import ALIKE, grain
from pds.evaluation.store import Cell, Store
from pds.files.pictures import tile_images, to_uint8

ARMS = (
    *(("vanilla", "pds:5"),) * 10,
    *(("vanilla", "scalar"),) * 3,
    *(("pds:5", "scalar"),) * 3,
    *(("vanilla", "tuned"),) * 2,
    *(("pds:5", "ode-heun"),) * 2,
)
"""The two samplers of each of twenty pairs."""

SHOWN = 4
"""Pictures of a side, as many as the page shows at first."""

SIDE = 512
"""Approximate width of a side on the sheet, in pixels."""

CHOICES = ("left", "right", "alike")


@dataclass(frozen=True)
class Pair:
    """Four pictures each of two samplers.

    name: of the pair.
    folder: of the evaluation.
    num_steps: N of both.
    left, right: arms.
    first: of the four images.
    """

    name: str
    folder: str
    num_steps: int
    left: str
    right: str
    first: int


def pairs(folders: Sequence[Path], count: int, seed: int) -> list[Pair]:
    """Return pairs over all N that the folders hold, half of them with their sides swapped."""
    rng = random.Random(seed)
    chosen = []
    for at, folder in enumerate(folders):
        store = Store(folder)
        cells = store.cells()
        share = count // len(folders)
        for i in range(share):
            one, other = ARMS[i % len(ARMS)]
            both = sorted({c.num_steps for c in cells if c.arm == one}
                          & {c.num_steps for c in cells if c.arm == other})  # fmt: skip
            num_steps = both[i % len(both)]
            left, right = rng.sample((one, other), 2)
            fewest = min(len(store.drawn(Cell(arm, num_steps)).images) for arm in (one, other))
            first = rng.randrange(0, fewest - SHOWN + 1, SHOWN)
            chosen.append(Pair(f"{at * share + i:02d}", str(folder), num_steps, left, right, first))
    rng.shuffle(chosen)
    return chosen


def draw(folders: Sequence[Path], out: Path, count: int, seed: int) -> None:
    """Write the sheets and the key."""
    out.mkdir(parents=True, exist_ok=True)
    chosen = pairs(folders, count, seed)
    for at in range(0, len(chosen), 2):
        rows = [_row(pair) for pair in chosen[at : at + 2]]
        width = max(row.width for row in rows)
        page = Image.new("RGB", (width, sum(row.height for row in rows)), "white")
        top = 0
        for row in rows:
            page.paste(row, (0, top))
            top += row.height
        page.save(out / f"sheet{at // 2:02d}.png")
    with (out / "key.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["pair", "folder", "N", "left", "right", "first"])
        for p in chosen:
            writer.writerow([p.name, p.folder, p.num_steps, p.left, p.right, p.first])


def _row(pair: Pair) -> Image.Image:
    sides = [_side(pair, arm) for arm in (pair.left, pair.right)]
    row = Image.new("RGB", (sides[0].width * 2 + 48, sides[0].height + 34), "white")
    ImageDraw.Draw(row).text(
        (4, 6), f"pair {pair.name}", "black", font=ImageFont.load_default(size=18)
    )
    row.paste(sides[0], (0, 34))
    row.paste(sides[1], (sides[0].width + 48, 34))
    return row


def _side(pair: Pair, arm: str) -> Image.Image:
    images = _images(pair, arm)
    pixels = tile_images(to_uint8(images), columns=2)
    factor = SIDE // len(pixels)
    size = (pixels.shape[1] * factor, pixels.shape[0] * factor)
    return Image.fromarray(pixels.squeeze()).resize(size, Image.Resampling.NEAREST)


def _images(pair: Pair, arm: str) -> np.ndarray:
    drawn = Store(Path(pair.folder)).drawn(Cell(arm, pair.num_steps)).images
    return drawn[pair.first : pair.first + SHOWN].numpy()


def score(out: Path, choices: Path) -> None:
    """Print every pair with the choice and the measured ratio of grain, and the agreement."""
    with choices.open(newline="", encoding="utf-8") as file:
        chosen = {row["pair"]: row["choice"] for row in csv.DictReader(file)}
    agreed = opposed = 0
    with (out / "key.csv").open(newline="", encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["pair"])
    print("pair,size,N,left,right,left_over_right,verdict,choice,agrees")
    for row in rows:
        pair = Pair(row["pair"], row["folder"], int(row["N"]), row["left"], row["right"],
                    int(row["first"]))  # fmt: skip
        choice = chosen[pair.name]
        if choice not in CHOICES:
            raise ValueError(f"a choice is one of {', '.join(CHOICES)}, got {choice!r}")
        ratio = measured(pair)
        verdict = _verdict(ratio)
        agreed += verdict == choice
        opposed += {verdict, choice} == {"left", "right"}
        size = _images(pair, pair.left).shape[-1]
        print(f"{pair.name},{size},{pair.num_steps},{pair.left},{pair.right},{ratio:.2f},"
              f"{verdict},{choice},{'yes' if verdict == choice else 'no'}")  # fmt: skip
    print(f"{agreed} of {len(rows)} agree, {opposed} are opposed")


def measured(pair: Pair) -> float:
    """Return the grain of the left side over that of the right."""
    left, right = (float(grain(torch.from_numpy(_images(pair, arm))).mean())
                   for arm in (pair.left, pair.right))  # fmt: skip
    return left / right


def _verdict(ratio: float) -> str:
    if max(ratio, 1 / ratio) <= ALIKE:
        return "alike"
    return "left" if ratio > 1 else "right"


def main() -> None:
    """Draw pairs, or score choices."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    drawing = commands.add_parser("draw")
    drawing.add_argument("folders", type=Path, nargs="+")
    drawing.add_argument("--out", type=Path, required=True)
    drawing.add_argument("--pairs", type=int, default=40)
    drawing.add_argument("--seed", type=int, default=0)
    scoring = commands.add_parser("score")
    scoring.add_argument("out", type=Path)
    scoring.add_argument("choices", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "draw":
        draw(arguments.folders, arguments.out, arguments.pairs, arguments.seed)
    else:
        score(arguments.out, arguments.choices)


if __name__ == "__main__":
    main()
