"""Masks from a folder of your own images, and a run with them.

    python filters_from_folder.py [FOLDER]

A mask is a mean over images; if its gain hardly changes when their number doubles, they are
enough. Without a folder, the script uses 64 synthetic portraits. The run uses the shipped network,
which was trained on such portraits.
Takes 8 seconds on two cores. Prints the changes, the gain and the grain of the run, and saves
mine_freq.npy, mine_space.npy and filters.png.
"""

import sys
from dataclasses import replace
from pathlib import Path

from PIL import Image

import pds
from pds import filters
from pds.files import images, pictures
from pds.portraits import portraits

folder = Path(sys.argv[1] if sys.argv[1:] else "portraits")
if not sys.argv[1:]:
    folder.mkdir(exist_ok=True)
    for seed, pixels in enumerate(pictures.to_uint8(portraits(range(64)).numpy())):
        Image.fromarray(pixels).save(folder / f"{seed}.png")

model = pds.load_model("portraits32")
source = images.Images(folder, size=32)  # any size, kind or subfolder of images
masks, changes = filters.convergence(filters.running(filters.doubling(source)))
for change in changes:
    print(f"{change.num_images:>4} images: the gain changed by {change.mean:.2%} on average")
filters.save(Path("mine_freq.npy"), masks.frequency, kind="frequency")
filters.save(Path("mine_space.npy"), masks.space, kind="space")
gain = filters.gain(masks.frequency, alpha=5)
print(f"gain at alpha = 5: from {gain.min():.2f} to {gain.max():.2f}")

vanilla = model.sampler(num_steps=40)
preconditioned = replace(vanilla, m=filters.preconditioner(masks.frequency, None, alpha=5))
chains = pds.side_by_side(
    [vanilla, preconditioned], model.sde, noise=pds.seeded_noise(range(4)), shape=(4, 3, 32, 32)
)
*_, last = pds.steps(model.score, chains)
rows = []
for name, step in zip(("vanilla", "PDS"), last, strict=True):
    grain = float(pds.grain(step.x_mean).mean()) / model.references.network.grain
    print(f"{name}: {grain:.2f} times the grain of the network's own images")
    rows.append((name, list(pictures.to_uint8(step.x_mean.numpy()))))
Image.fromarray(pictures.labeled_sheet(rows)).save("filters.png")
