"""The samplers of `pds.arms.names`, built for a model.

Each is given by the published sampler at N, the process, and the raw masks of the data.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import torch
from torch import Tensor

from pds import filters, theory
from pds.arms.branch import Branch
from pds.arms.names import Arm
from pds.arms.network import TunedToNetwork
from pds.kernels import MarginalPreserving
from pds.preconditioners import FrequencyFilter, Identity, Preconditioner, SpaceFilter
from pds.sampling import PredictorCorrector, ProbabilityFlow, Sampler
from pds.sde import SDE
from pds.theory import Array, Modes, network_tuning, tuned

Tune = Callable[[PredictorCorrector], PredictorCorrector]
"""Returns a sampler with the noise levels and the snr that are best for it."""
Constant = Callable[[PredictorCorrector], float]
"""Returns the c of M = c I that is best for a sampler."""


@dataclass(frozen=True, eq=False)
class Setting:
    """What the samplers of a model at one N are built from.

    published: the vanilla sampler.
    sde: the forward process.
    frequency_mask, space_mask: raw masks of the data, (C, H, W).
    amplitude: scale of the score's images relative to [0, 1].
    device: of the filters.
    tune, constant: of the model, which may remember what they return.
    tuned_to_network: of the model; None for one whose response is not known.
    """

    published: PredictorCorrector
    sde: SDE
    frequency_mask: Tensor
    space_mask: Tensor
    amplitude: float
    device: str
    tune: Tune
    constant: Constant
    tuned_to_network: TunedToNetwork | None = None

    @cached_property
    def data(self) -> Modes:
        """The power of the data in radial bins."""
        return tuned.spectrum(self.frequency_mask, amplitude=self.amplitude)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Return (C, H, W)."""
        channels, height, width = self.frequency_mask.shape
        return channels, height, width

    def filter(
        self, alpha: float, *, frequency: bool = True, space: bool = False
    ) -> Preconditioner:
        """Return the published filters at alpha."""
        masks = self.frequency_mask if frequency else None, self.space_mask if space else None
        return filters.preconditioner(*masks, alpha=alpha, device=self.device)

    def radial_filter(self, gain: Array) -> FrequencyFilter:
        """Return the filter with a gain for each of the bins of `data`, (K,)."""
        plane = theory.on_grid(self.data, gain, *self.image_shape[1:])
        plane = plane.to(self.device, torch.float32)
        return FrequencyFilter(plane.expand(self.frequency_mask.shape))

    def best_gain(self, sampler: PredictorCorrector) -> Array:
        """Return the best radial gain on a sampler, (K,)."""
        return tuned.radial_gain(self.frequency_mask, self.data, self.sde, sampler)


@dataclass(frozen=True, eq=False)
class Plan:
    """The sampler of an arm at one N.

    sampler: with its M.
    gain: of M for each bin of `Setting.data`, (K,); None if the recursion cannot follow M,
        or for a branch, whose samplers have gains of their own.
    """

    sampler: Sampler
    gain: Array | None = None


def build(arm: Arm, setting: Setting) -> Plan:
    """Return the sampler of an arm; the setting's N is used, not the arm's own.

    Raises:
        ValueError: if the arm does not support the process or the sampler.
    """
    require_kernel(arm, setting.published, setting.sde)
    if arm.strength is None:
        return _PLAIN[arm.kind](setting)
    return _STRONG[arm.kind](setting, arm.strength)


def branch(arm: Arm, first: Plan, then: Plan, sde: SDE) -> Plan:
    """Return the plan of a branch.

    Args:
        arm: with its numbers of iterations.
        first, then: the plans of `arm.first` and `arm.then`.
        sde: the forward process.

    Raises:
        ValueError: if the process is not VE, or the second sampler has no levels below the state's.
    """
    assert isinstance(then.sampler, PredictorCorrector | ProbabilityFlow)
    remaining = replace(then.sampler, num_steps=arm.length - arm.after)
    sampler = Branch(first.sampler, arm.after, remaining)
    sampler.levels(sde)
    return Plan(sampler)


def require_kernel(arm: Arm, published: PredictorCorrector, sde: SDE) -> None:
    """Raise a ValueError if the published sampler lacks the kernel that an arm preconditions."""
    if arm.kind == "corrector" and published.corrector is None:
        raise ValueError(f"{arm.name} preconditions the corrector only, and the sampler has none")
    if arm.kind in ("predictor", "preserving") and published.predictor is None:
        raise ValueError(f"{arm.name} preconditions the predictor, and the sampler has none")


def _ones(setting: Setting) -> Array:
    return np.ones(len(setting.data.power))


def _plain(setting: Setting, sampler: Sampler) -> Plan:
    """Return the plan of a sampler without M, or with one in a single kernel."""
    return Plan(sampler, _ones(setting))


def _vanilla(setting: Setting) -> Plan:
    return _plain(setting, setting.published)


def _with(setting: Setting, sampler: PredictorCorrector, m: Preconditioner) -> Plan:
    """Return the plan of a sampler with M."""
    return Plan(replace(sampler, m=m), _gain(setting, m))


def _gain(setting: Setting, m: Preconditioner) -> Array | None:
    """Return the gain of M for each bin, None if M mixes frequencies."""
    try:
        gain = m.mode_gain().cpu().double()
    except ValueError:
        return None
    return theory.bins(gain.expand(setting.image_shape[1:])).power


def _pds(setting: Setting, alpha: float) -> Plan:
    return _with(setting, setting.published, setting.filter(alpha))


def _both(setting: Setting, alpha: float) -> Plan:
    return _with(setting, setting.published, setting.filter(alpha, space=True))


def _space(setting: Setting, alpha: float) -> Plan:
    return _with(setting, setting.published, setting.filter(alpha, frequency=False, space=True))


def _natural(setting: Setting, alpha: float) -> Plan:
    mask = filters.natural(setting.image_shape)
    gain = filters.gain(mask, alpha).to(setting.device)
    return _with(setting, setting.published, FrequencyFilter(gain))


def _inverted(setting: Setting, alpha: float) -> Plan:
    gain = 1 / filters.gain(setting.frequency_mask, alpha).to(setting.device)
    return _with(setting, setting.published, FrequencyFilter(gain))


def _preserving(setting: Setting, alpha: float) -> Plan:
    sampler = replace(setting.published, predictor=MarginalPreserving())
    return _with(setting, sampler, setting.filter(alpha))


def _corrector(setting: Setting, alpha: float) -> Plan:
    return _plain(setting, replace(setting.published, corrector_m=setting.filter(alpha)))


def _predictor(setting: Setting, alpha: float) -> Plan:
    return _plain(setting, replace(setting.published, predictor_m=setting.filter(alpha)))


def _tuned(setting: Setting) -> Plan:
    return _plain(setting, setting.tune(setting.published))


def _response(setting: Setting) -> Plan:
    if setting.tuned_to_network is None:
        raise ValueError(
            "the sampler that is tuned to the network needs a response to noise, and that of this "
            "model is unknown; choose another sampler or model, or measure a checkpoint's with "
            "`pds response` and name it with main.py --response FILE.npz"
        )
    network_tuning.require_tunable(setting.published, setting.sde)
    settings = setting.tuned_to_network(setting.published)
    m = network_tuning.octaves(setting.image_shape, setting.device).m(settings.gain)
    sampler = network_tuning.sampler(setting.published, setting.sde, settings, m)
    return Plan(sampler, _gain(setting, m))


def _partly(setting: Setting, *, sigmas: bool = True, snr: bool = True) -> Plan:
    sampler = tuned.sampler(
        setting.frequency_mask,
        setting.sde,
        setting.published,
        amplitude=setting.amplitude,
        sigmas=sigmas,
        snr=snr,
    )
    return _plain(setting, sampler)


def _tuned_pds(setting: Setting, alpha: float) -> Plan:
    return _with(setting, setting.tune(setting.published), setting.filter(alpha))


def _tuned_gain(setting: Setting) -> Plan:
    return _best(setting, setting.tune(setting.published))


def _best(setting: Setting, sampler: PredictorCorrector | None = None) -> Plan:
    """Return the plan of the best radial gain on a sampler, by default the published one."""
    sampler = sampler or setting.published
    return _radial(setting, sampler, setting.best_gain(sampler))


def _split(setting: Setting) -> Plan:
    """Tune the predictor's gain, then the corrector's given the predictor's."""

    def best(sampler: PredictorCorrector) -> FrequencyFilter:
        return setting.radial_filter(setting.best_gain(sampler))

    plain = setting.published
    half = replace(plain, predictor_m=best(replace(plain, corrector_m=Identity())))
    return _plain(setting, replace(half, corrector_m=best(half)))


def _steady(setting: Setting) -> Plan:
    sampler = setting.published
    bounds = (1.0, theory.steady_gain(setting.sde, sampler))
    gain = theory.tune(setting.data, setting.sde, sampler, bounds=bounds)
    return _radial(setting, sampler, gain)


def _radial(setting: Setting, sampler: PredictorCorrector, gain: Array) -> Plan:
    """Return the plan of a gain for each bin, (K,)."""
    return Plan(replace(sampler, m=setting.radial_filter(gain)), gain)


def _scalar(setting: Setting) -> Plan:
    return _constant(setting, setting.constant(setting.published))


def _constant(setting: Setting, c: float) -> Plan:
    m = SpaceFilter(torch.tensor(c))
    return Plan(replace(setting.published, m=m), c * _ones(setting))


def _euler(setting: Setting) -> Plan:
    return _flow(setting, ProbabilityFlow("euler", 2 * setting.published.num_steps))


def _heun(setting: Setting) -> Plan:
    return _flow(setting, ProbabilityFlow("heun", setting.published.num_steps))


def _flow(setting: Setting, sampler: ProbabilityFlow) -> Plan:
    sampler.require(setting.sde)
    return _plain(setting, sampler)


_PLAIN: dict[str, Callable[[Setting], Plan]] = {
    "vanilla": _vanilla,
    "tuned": _tuned,
    "response": _response,
    "levels": partial(_partly, snr=False),
    "snr": partial(_partly, sigmas=False),
    "tuned+gain": _tuned_gain,
    "gain": _best,
    "split": _split,
    "steady": _steady,
    "scalar": _scalar,
    "ode-euler": _euler,
    "ode-heun": _heun,
}
"""Builders of the arms without a strength."""

_STRONG: dict[str, Callable[[Setting, float], Plan]] = {
    "pds": _pds,
    "pds+space": _both,
    "space": _space,
    "natural": _natural,
    "tuned+pds": _tuned_pds,
    "inverted": _inverted,
    "preserving": _preserving,
    "corrector": _corrector,
    "predictor": _predictor,
    "scalar": _constant,
}
"""Builders of the arms with a strength."""
