"""Preconditioned diffusion sampling (PDS): vanilla and preconditioned samplers for score models.

The names below are the library's front; each is imported when it is first used, so that
`import pds` loads neither torch nor a web package. The paper is in five files, to be read in this
order: `pds.sde`, `pds.preconditioners`, `pds.kernels`, `pds.sampling`, `pds.filters`.

Source: H. Ma, L. Zhang, X. Zhu, J. Feng, "Accelerating Score-Based Generative Models with
Preconditioned Diffusion Sampling", ECCV 2022.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pds.appearance import Appearance, grain
    from pds.driving import sample, seeded_noise, side_by_side, steps
    from pds.kernels import Langevin, MarginalPreserving, ReverseDiffusion
    from pds.models import compare_request, load_model
    from pds.preconditioners import FrequencyFilter, Identity
    from pds.request import Request
    from pds.sampling import PredictorCorrector, ProbabilityFlow
    from pds.sde import VESDE, VPSDE

__version__ = "1.0.0.dev0"

__all__ = [
    "VESDE",
    "VPSDE",
    "Appearance",
    "FrequencyFilter",
    "Identity",
    "Langevin",
    "MarginalPreserving",
    "PredictorCorrector",
    "ProbabilityFlow",
    "Request",
    "ReverseDiffusion",
    "compare_request",
    "grain",
    "load_model",
    "sample",
    "seeded_noise",
    "side_by_side",
    "steps",
]

_MODULES = {
    "appearance": ("Appearance", "grain"),
    "driving": ("sample", "seeded_noise", "side_by_side", "steps"),
    "kernels": ("Langevin", "MarginalPreserving", "ReverseDiffusion"),
    "models": ("compare_request", "load_model"),
    "preconditioners": ("FrequencyFilter", "Identity"),
    "request": ("Request",),
    "sampling": ("PredictorCorrector", "ProbabilityFlow"),
    "sde": ("VESDE", "VPSDE"),
}


def __getattr__(name: str) -> object:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"pds.{module}"), name)
    raise AttributeError(f"module 'pds' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
