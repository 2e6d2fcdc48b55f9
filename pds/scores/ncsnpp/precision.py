"""Whether this CPU computes in a lower precision, found out where it can do no harm.

Some virtual machines end a process with an illegal instruction at its first bfloat16 product, with
no word and nothing to catch. So a child process tries every kind of product that the network has.
"""

import subprocess
import sys
from functools import cache

import torch

PROBE = """
import sys, time, torch
from torch.nn import functional as F

def convolve(x, w):
    started = time.perf_counter()
    F.conv2d(x, w, padding=1)
    return time.perf_counter() - started

torch.set_num_threads(1)
torch.set_grad_enabled(False)
x = torch.ones(1, 64, 32, 32).to(memory_format=torch.channels_last)
w = torch.ones(64, 64, 3, 3).to(memory_format=torch.channels_last)
low = getattr(torch, sys.argv[1])
lower = x.to(low), w.to(low)
rows = lower[0][:, :, 0].mT
F.scaled_dot_product_attention(*3 * [F.linear(rows @ rows.mT @ rows, lower[1][:, :, 0, 0])])
F.conv2d(F.silu(F.group_norm(lower[0], 16)), lower[1][:, :1], groups=64, stride=2)
full, low = (min(convolve(*pair) for _ in range(9)) for pair in ((x, w), lower))
print(full / low)
"""


@cache
def cpu_speed_up(dtype: torch.dtype) -> float:
    """Return how many times faster this CPU convolves in `dtype` than in float32.

    About 2 where it has instructions for it, below 1 where it imitates them, and 0 where it cannot.
    The first call takes as long as importing torch, 2 to 4 s; later ones remember.
    """
    name = str(dtype).removeprefix("torch.")
    done = subprocess.run(
        [sys.executable, "-c", PROBE, name], capture_output=True, text=True, check=False
    )
    return float(done.stdout) if done.returncode == 0 else 0.0


def require(device: torch.device, dtype: torch.dtype) -> None:
    """Refuse a precision that would end this process.

    Raises:
        ValueError: if the device is a CPU that cannot compute in it.
    """
    if device.type != "cpu" or dtype in (torch.float32, torch.float64) or cpu_speed_up(dtype):
        return
    name = str(dtype).removeprefix("torch.")
    raise ValueError(f"dtype {name} does not work on this machine's CPU; use float32, or a GPU")
