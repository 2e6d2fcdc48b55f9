"""Whether this CPU computes in a lower precision, tested in a child process.

On some virtual machines the first bfloat16 product is an illegal instruction, which ends the
process without an exception. A child process therefore tries every operation of the network first.
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
    """Return the speed of convolutions on this CPU in `dtype`, relative to float32.

    About 2 with hardware instructions, below 1 with emulation, and 0 if `dtype` does not work. The
    first call takes as long as importing torch, 2 to 4 s; the result is cached.
    """
    name = str(dtype).removeprefix("torch.")
    done = subprocess.run(
        [sys.executable, "-c", PROBE, name], capture_output=True, text=True, check=False
    )
    return float(done.stdout) if done.returncode == 0 else 0.0


def require_precision(device: torch.device, dtype: torch.dtype) -> None:
    """Check that a device can compute in a precision.

    Raises:
        ValueError: if it is a CPU whose operations in `dtype` end the process.
    """
    if device.type != "cpu" or dtype in (torch.float32, torch.float64) or cpu_speed_up(dtype):
        return
    name = str(dtype).removeprefix("torch.")
    raise ValueError(f"dtype {name} does not work on this machine's CPU; use float32, or a GPU")
