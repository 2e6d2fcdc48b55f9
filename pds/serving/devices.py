"""The devices of this process, by name: every CUDA device, or else the CPU.

The environment variable `PDS_DEVICES` names others, for example "cuda:1,cuda:3". "cpu:0,cpu:1" are
two devices with the memory and the cores of one, for trials of several devices without a GPU.
"""

import os
import re
import threading
from collections.abc import Callable
from functools import cache
from typing import Generic, TypeVar

import torch

from pds.limits import quoted

T = TypeVar("T")

VARIABLE = "PDS_DEVICES"


@cache
def devices() -> tuple[str, ...]:
    """Return the names of the devices that sample; models are loaded on the first.

    Raises:
        ValueError: if `PDS_DEVICES` is no list of different devices of this machine.
    """
    # On ZeroGPU, devices must not be counted outside of a call.
    num_cuda = max(1, torch.cuda.device_count()) if torch.cuda.is_available() else 0
    names = os.environ.get(VARIABLE, "")
    if names:
        return parse_devices(names, num_cuda)
    return tuple(f"cuda:{index}" for index in range(num_cuda)) or ("cpu",)


def parse_devices(names: str, num_cuda: int) -> tuple[str, ...]:
    """Return the devices of a list such as "cuda:1,cuda:3"; "cuda" is "cuda:0".

    Args:
        names: separated by commas.
        num_cuda: number of CUDA devices of this machine.

    Raises:
        ValueError: if a name is not a device of this machine, or is repeated.
    """
    chosen = [name.strip() for name in names.split(",")]
    chosen = ["cuda:0" if name == "cuda" else name for name in chosen]
    known = {"cpu", *(f"cuda:{index}" for index in range(num_cuda))}
    strange = [n for n in chosen if n not in known and not re.fullmatch(r"cpu:\d\d?", n)]
    if strange or len(set(chosen)) < len(chosen):
        raise ValueError(
            f"{VARIABLE} must name devices of this machine, each once, such as cuda:0,cuda:1 or "
            f"cpu, got {quoted(names)}; it has {num_cuda} CUDA devices"
        )
    return tuple(chosen)


def make_current(device: torch.device | str) -> None:
    """Make a CUDA device the current one of this thread; events and CUDA graphs belong to it."""
    device = torch.device(device)
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)


class PerDevice(Generic[T]):
    """One value for each device, built when it is first needed; safe for threads.

    Args:
        build: returns the value for a device.
    """

    def __init__(self, build: Callable[[str], T]) -> None:
        self._build, self._values, self._building = build, dict[str, T](), threading.Lock()

    def __getitem__(self, device: str) -> T:
        if device not in self._values:
            with self._building:
                if device not in self._values:
                    self._values[device] = self._build(device)
        return self._values[device]
