"""The device of `--device`: where the tests' tensors are.

Every tensor that a test makes with a function of torch is on that device, but for those of
test_gpu and test_gpu_faults, which compare it with the CPU; random numbers are drawn
on the CPU first. What comes from elsewhere, such as a network or a file, `placed` moves there. The
library gets no such default: it has to follow the tensors that it is given.
"""

import sys
from pathlib import Path

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._device import _device_constructors

from tests.support.paths import ROOT

TESTS = ROOT / "tests"

MODULES = """
    batcher capturable filters flow gpu gpu_faults imitated_device integrations_elsewhere
    kernels mixture ncsnpp normalization parity precision preconditioners sampling
    without_float64 worker
""".split()
"""Test modules, without `test_`, that run on another device than the CPU, too."""


class Placed(TorchFunctionMode):
    """Puts the tensors that the tests make, in the main thread, on a device."""

    device = torch.device("cpu")
    """Of the tests."""

    def __init__(self, device):
        super().__init__()
        self.makes, Placed.device = _device_constructors(), torch.device(device)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        made = function(*args, **kwargs)
        maker = Path(sys._getframe(1).f_code.co_filename)
        by_test = maker.is_relative_to(TESTS) and not maker.stem.startswith("test_gpu")
        if function in self.makes and by_test and not {"device", "out"} & set(kwargs):
            return made.to(Placed.device)
        return made


def here():
    """Return the device of the tests."""
    return Placed.device


def placed(x):
    """Move a tensor or a network to the device of the tests."""
    return x.to(here())
