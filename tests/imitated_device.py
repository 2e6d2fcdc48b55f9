"""A device of its own, imitated on the CPU, so that code for a GPU can be tried without one.

Its tensors have the device type "imitated" and are computed on the CPU. As on a GPU, an operation
on tensors of both devices is an error, `numpy()` is refused, and a number read from a tensor
(`float`, `item`, `if x > 0`) would wait for the device; `waits` counts such reads.
"""

import torch
from torch import Tensor
from torch.utils._pytree import tree_map
from torch.utils.backend_registration import (
    _DummyBackendModule,
    _setup_privateuseone_for_python_backend,
)

NAME = "imitated"

TRANSFERS = {"aten::_to_copy", "aten::copy_", "aten::_copy_from"}
"""Operations that may mix the devices, and wait for this one when they copy to the CPU."""

INDICES = {"aten::index.Tensor", "aten::index_put_", "aten::_index_put_impl_"}
"""Operations that accept indices on the CPU for a tensor on the device."""


class Waits:
    """Counts the operations after which a program has waited for the device."""

    def __init__(self):
        self.count = 0


waits = Waits()


class ImitatedTensor(Tensor):
    """A tensor on the device; `raw` holds its values."""

    @staticmethod
    def __new__(cls, raw):
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
        waits.count += 1
        return self.raw.tolist()

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
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
    to_cpu = name in TRANSFERS and torch.device("cpu") == kwargs.get("device")
    inputs = tree_map(unwrapped, (args, kwargs))
    if name == "aten::copy_" and not isinstance(args[0], ImitatedTensor):
        to_cpu = True
    if wrappers and (to_cpu or name == "aten::_local_scalar_dense"):
        waits.count += 1
    with torch.no_grad():
        return tree_map(wrapped, operation(*inputs[0], **inputs[1]))


class _Backend(_DummyBackendModule):
    def get_amp_supported_dtype(self):
        return []


def register():
    """Make the device known to torch, once in a process."""
    _setup_privateuseone_for_python_backend(NAME, backend_module=_Backend())
    library = torch.library.Library("_", "IMPL")
    library.fallback(_computed, "PrivateUse1")
    return library
