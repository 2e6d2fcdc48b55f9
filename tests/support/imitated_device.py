"""A device imitated on the CPU, to test code for a GPU without one.

Its tensors have the device type "imitated" and are computed on the CPU. As on a GPU, an operation
on tensors of both devices is an error and `numpy()` is refused. `traffic` counts what would make a
program wait for a GPU or keep a CUDA graph from being captured. Within `without_float64` it lacks
float64 and complex128, as Apple's GPUs do.
"""

from contextlib import contextmanager
from functools import cache

import torch
from torch import Tensor
from torch.utils._pytree import tree_map
from torch.utils.backend_registration import (
    _DummyBackendModule,
    _setup_privateuseone_for_python_backend,
)

NAME = "imitated"

TRANSFERS = {"aten::_to_copy", "aten::copy_", "aten::_copy_from"}
"""Operations that copy from one device to the other."""

INDICES = {"aten::index.Tensor", "aten::index_put_", "aten::_index_put_impl_"}
"""Operations that accept indices on the CPU for a tensor on the device."""


refused = set()
"""Types of numbers that the device lacks at present."""


@contextmanager
def without_float64():
    """Let the device refuse tensors of 64-bit floats, and let pds know that it does."""
    from pds import sde

    known = sde.WITHOUT_FLOAT64
    refused.update((torch.float64, torch.complex128))
    sde.WITHOUT_FLOAT64 = known | {NAME}
    try:
        yield
    finally:
        refused.clear()
        sde.WITHOUT_FLOAT64 = known


class Traffic:
    """Counts copies between the devices, and numbers that were read from this one."""

    def __init__(self):
        self.count = 0


traffic = Traffic()


class ImitatedTensor(Tensor):
    """A tensor on the device; `raw` holds its values."""

    @staticmethod
    def __new__(cls, raw):
        if raw.dtype in refused:
            raise TypeError(f"Cannot convert a tensor to {raw.dtype}, which {NAME} lacks")
        tensor = Tensor._make_wrapper_subclass(
            cls,
            raw.shape,
            strides=raw.stride(),
            storage_offset=raw.storage_offset(),
            dtype=raw.dtype,
            device=NAME,
        )
        tensor.raw = raw
        return tensor

    __torch_function__ = torch._C._disabled_torch_function_impl

    def tolist(self):
        traffic.count += 1
        return self.raw.tolist()

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]  # torch's stub leaves the operation out
        cls, operation, types, args=(), kwargs=None
    ):
        return _computed(operation, *args, **(kwargs or {}))


def _computed(operation, *args, **kwargs):
    """Compute an operation on the CPU; its results are on the device unless it names the CPU."""
    wrappers = {}

    def unwrapped(x):
        if isinstance(x, ImitatedTensor):
            wrappers[id(x.raw)] = x
            return x.raw
        if isinstance(x, Tensor) and x.dim() and name not in TRANSFERS | INDICES:
            raise RuntimeError(f"{name}: expected all tensors on one device, found cpu and {NAME}")
        return torch.device("cpu") if isinstance(x, torch.device) else x

    def wrapped(x):
        if not isinstance(x, Tensor) or to_cpu:
            return x
        return wrappers[id(x)] if id(x) in wrappers else ImitatedTensor(x)

    name = operation.name()
    to_cpu = kwargs.get("device") == torch.device("cpu")
    if name == "aten::copy_":
        to_cpu = not isinstance(args[0], ImitatedTensor)
    inputs = tree_map(unwrapped, (args, kwargs))
    sources = [x for x in args if isinstance(x, Tensor) and x.dim()]
    brought = name in TRANSFERS and any(not isinstance(x, ImitatedTensor) for x in sources)
    if brought or (wrappers and to_cpu) or name == "aten::_local_scalar_dense":
        traffic.count += 1
    with torch.no_grad():
        return tree_map(wrapped, operation(*inputs[0], **inputs[1]))


class _Backend(_DummyBackendModule):
    def get_amp_supported_dtype(self):
        return []


@cache
def register():
    """Make the device known to torch."""
    _setup_privateuseone_for_python_backend(NAME, backend_module=_Backend())
    library = torch.library.Library("_", "IMPL")
    library.fallback(_computed, "PrivateUse1")
    return library
