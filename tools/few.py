"""The sampler that is tuned to the network, at few iterations beside others.

    python -m tools.few --out runs/few [--device cuda] [--models portraits32,...]

draws what is missing and writes few.csv: grain, contrast, fine power and Frechet distance of every
cell, against the network's own pictures, with 95 % intervals.
"""

import argparse
from pathlib import Path

import torch

from pds.evaluation import draw, resolution, subject
from pds.evaluation.resolution import Group, Record
from pds.evaluation.store import NETWORK, Cell
from tools.network_tuned import write_quality

ARMS = ("pds:5", "tuned", "ode-heun", "response")


OWN = 2
"""The network's own pictures for each picture of a cell."""


def main() -> None:
    """Draw the cells of each model, few iterations first, and write their quality."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--models", default="portraits32,portraits64,portraits128,portraits256")
    parser.add_argument("--images", type=int, default=96, help="at 32 px; fewer at larger sizes")
    parser.add_argument("--counts", default="10,15,20,25,40,66")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    names, counts = arguments.models.split(","), list(map(int, arguments.counts.split(",")))
    subjects = {name: subject.open_subject(name, None, device) for name in names}
    for name, one in subjects.items():
        count = resolution.num_images(one.model.image_shape[-1], arguments.images)
        groups = [Group(tuple(Cell(arm, n) for arm in ARMS), count) for n in counts]
        own = Group((NETWORK,), OWN * count)
        record, score = Record.of(arguments.out, one), draw.prepared(one)
        for group in (own, *groups):
            if record.lacks(group):
                record.add_cells(resolution.draw_group(one, score, group))
                print(name, *group.cells[0], flush=True)
    write_quality(arguments.out / "few.csv", subjects, counts)


if __name__ == "__main__":
    main()
