"""The arms of the comparison: samplers with a name, for any number of iterations.

| name                         | what it is                                                       |
|------------------------------|------------------------------------------------------------------|
| vanilla                      | M = I                                                            |
| pds:A, pds+space:A           | the published form at alpha = A, without and with the space mask |
| natural:A                    | the published form with `filters.natural`, which needs no data   |
| inverted:A                   | gain 1/r: shrinks what PDS stretches                             |
| preserving:A                 | the predictor that keeps p_t for every M                         |
| corrector:A, predictor:A     | M in that kernel only; the start is plain                        |
| tuned                        | M = I with the noise levels and the corrector strength that are  |
|                              | best at this N for Gaussian data of the model's spectrum         |
| levels, snr                  | only the one or the other of these two                           |
| tuned+gain, tuned+pds:A      | tuned, with the best gain on top, or the published filter        |
| gain                         | the best radial gain for such data, on the published levels      |
| split                        | best gains of their own for the predictor and for the corrector  |
| steady                       | as gain, among gains with which no step overshoots               |
| scalar                       | M = c I with the best c for such data: only a step size          |
| scalar:C                     | M = c I with c = C                                               |
| ode-euler, ode-heun          | the probability flow, with as many network calls                 |
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from pds import filters, theory
from pds.evaluation.gaussian import Array, Field
from pds.kernels import MarginalPreserving
from pds.limits import MAX_ALPHA, MAX_STEPS
from pds.preconditioners import FrequencyFilter, Identity, SpaceFilter
from pds.sampling import PredictorCorrector, ProbabilityFlow, Sampler
from pds.theory import tuned


@dataclass(frozen=True, eq=False)
class Plan:
    """The sampler of an arm at one N.

    sampler: with its M.
    gain: of M for each of the field's bins, (K,); None if the recursion cannot follow M.
    """

    sampler: Sampler
    gain: Array | None = None


Build = Callable[[Field, int], Plan]


@dataclass(frozen=True)
class Arm:
    """A named sampler; see the module for the names."""

    name: str
    build: Build

    def plan(self, field: Field, num_steps: int) -> Plan:
        """Return the arm's sampler for N iterations.

        Raises:
            ValueError: if N is out of range, or the arm does not support the model.
        """
        most = min(MAX_STEPS, field.model.num_scales)
        if not 1 <= num_steps <= most:
            raise ValueError(f"the number of iterations must lie in 1 to {most}, got {num_steps}")
        return self.build(field, num_steps)


def parse(name: str) -> Arm:
    """Return the arm of a name such as pds:5.

    Raises:
        ValueError: for an unknown name, or an alpha out of range.
    """
    kind, colon, strength = name.partition(":")
    if not colon and kind in PLAIN:
        return Arm(name, PLAIN[kind])
    if colon and kind in STRONG:
        alpha = _alpha(name, strength)
        build = STRONG[kind]
        return Arm(f"{kind}:{alpha:g}", lambda field, num_steps: build(field, num_steps, alpha))
    listing = ", ".join([*PLAIN, *(f"{kind}:ALPHA" for kind in STRONG)])
    raise ValueError(f"an arm is one of {listing}, got {name!r}")


def names(text: str) -> tuple[str, ...]:
    """Read names such as vanilla,pds:5, without duplicates and in normal form.

    Raises:
        ValueError: as `parse` does.
    """
    return tuple(dict.fromkeys(parse(name.strip()).name for name in text.split(",")))


def _alpha(name: str, strength: str) -> float:
    try:
        alpha = float(strength)
    except ValueError:
        alpha = float("nan")
    if not 1 < alpha <= MAX_ALPHA:
        raise ValueError(f"the alpha of an arm must be above 1 and up to {MAX_ALPHA:g}, got {name}")
    return alpha


def _plain(field: Field, sampler: Sampler) -> Plan:
    """Return the plan of a sampler without M, or with one in a single kernel."""
    return Plan(sampler, np.ones(len(field.data.power)))


def _vanilla(field: Field, num_steps: int) -> Plan:
    return _plain(field, field.model.sampler(num_steps))


def _filtered(field: Field, sampler: PredictorCorrector, alpha: float) -> Plan:
    return Plan(replace(sampler, m=_filter(field, alpha)), field.gain(alpha))


def _pds(field: Field, num_steps: int, alpha: float) -> Plan:
    return _filtered(field, field.model.sampler(num_steps), alpha)


def _space(field: Field, num_steps: int, alpha: float) -> Plan:
    model = field.model
    m = filters.preconditioner(model.frequency_mask, model.space_mask, alpha=alpha)
    space = model.space_mask
    stationary = bool(torch.isclose(space, space.max()).all())
    gain = field.gain(alpha) if stationary else None
    return Plan(replace(model.sampler(num_steps), m=m), gain)


def _natural(field: Field, num_steps: int, alpha: float) -> Plan:
    mask = filters.natural(field.model.image_shape)
    gain = filters.gain(mask.to(field.model.frequency_mask.device), alpha)
    sampler = replace(field.model.sampler(num_steps), m=FrequencyFilter(gain))
    return Plan(sampler, theory.bins(gain.double().mean(0)).power)


def _inverted(field: Field, num_steps: int, alpha: float) -> Plan:
    m = FrequencyFilter(1 / filters.gain(field.model.frequency_mask, alpha))
    return Plan(replace(field.model.sampler(num_steps), m=m), 1 / field.gain(alpha))


def _preserving(field: Field, num_steps: int, alpha: float) -> Plan:
    sampler = replace(field.model.sampler(num_steps), predictor=MarginalPreserving())
    return _filtered(field, sampler, alpha)


def _corrector(field: Field, num_steps: int, alpha: float) -> Plan:
    plain = field.model.sampler(num_steps)
    return _plain(field, replace(plain, corrector_m=_filter(field, alpha)))


def _predictor(field: Field, num_steps: int, alpha: float) -> Plan:
    plain = field.model.sampler(num_steps)
    return _plain(field, replace(plain, predictor_m=_filter(field, alpha)))


def _tuned(field: Field, num_steps: int) -> Plan:
    return _plain(field, field.model.tuned(num_steps))


def _partly(**options: bool) -> Build:
    def build(field: Field, num_steps: int) -> Plan:
        model = field.model
        plain = model.sampler(num_steps)
        amplitude = model.amplitude
        sampler = tuned.sampler(
            model.frequency_mask, model.sde, plain, amplitude=amplitude, **options
        )
        return _plain(field, sampler)

    return build


def _tuned_pds(field: Field, num_steps: int, alpha: float) -> Plan:
    return _filtered(field, field.model.tuned(num_steps), alpha)


def _tuned_gain(field: Field, num_steps: int) -> Plan:
    return _best(field, field.model.tuned(num_steps))


def _gain(field: Field, num_steps: int) -> Plan:
    return _best(field, field.model.sampler(num_steps))


def _best_gain(field: Field, sampler: PredictorCorrector) -> Array:
    """Return the best radial gain on a sampler, (K,)."""
    model = field.model
    return tuned.radial_gain(model.frequency_mask, field.data, model.sde, sampler)


def _best(field: Field, sampler: PredictorCorrector) -> Plan:
    """Return the plan of the best radial gain on a sampler."""
    return _radial(field, sampler, _best_gain(field, sampler))


def _best_m(field: Field, sampler: PredictorCorrector) -> FrequencyFilter:
    return _radial_filter(field, _best_gain(field, sampler))


def _split(field: Field, num_steps: int) -> Plan:
    """Tune the predictor's gain, then the corrector's given the predictor's."""
    plain = field.model.sampler(num_steps)
    alone = replace(plain, corrector_m=Identity())
    half = replace(plain, predictor_m=_best_m(field, alone))
    return _plain(field, replace(half, corrector_m=_best_m(field, half)))


def _steady(field: Field, num_steps: int) -> Plan:
    sde, sampler = field.model.sde, field.model.sampler(num_steps)
    bounds = (1.0, theory.steady_gain(sde, sampler))
    return _radial(field, sampler, theory.tune(field.data, sde, sampler, bounds=bounds))


def _radial(field: Field, sampler: PredictorCorrector, gain: Array) -> Plan:
    """Return the plan of a gain for each of the field's bins, (K,)."""
    return Plan(replace(sampler, m=_radial_filter(field, gain)), gain)


def _radial_filter(field: Field, gain: Array) -> FrequencyFilter:
    plane = theory.on_grid(field.data, gain, *field.power.shape)
    plane = plane.to(field.model.frequency_mask.device, torch.float32)
    return FrequencyFilter(plane.expand(field.model.image_shape))


def _scalar(field: Field, num_steps: int) -> Plan:
    sampler = field.model.sampler(num_steps)
    return _constant(field, num_steps, theory.tune_scalar(field.data, field.model.sde, sampler))


def _constant(field: Field, num_steps: int, c: float) -> Plan:
    m = SpaceFilter(torch.tensor(c))
    sampler = replace(field.model.sampler(num_steps), m=m)
    return Plan(sampler, np.full(len(field.data.power), c))


def _euler(field: Field, num_steps: int) -> Plan:
    return _flow(field, ProbabilityFlow("euler", 2 * num_steps))


def _heun(field: Field, num_steps: int) -> Plan:
    return _flow(field, ProbabilityFlow("heun", num_steps))


def _flow(field: Field, sampler: ProbabilityFlow) -> Plan:
    sampler.require(field.model.sde)
    return _plain(field, sampler)


def _filter(field: Field, alpha: float) -> FrequencyFilter:
    return FrequencyFilter(filters.gain(field.model.frequency_mask, alpha))


PLAIN: dict[str, Build] = {
    "vanilla": _vanilla,
    "tuned": _tuned,
    "levels": _partly(snr=False),
    "snr": _partly(sigmas=False),
    "tuned+gain": _tuned_gain,
    "gain": _gain,
    "split": _split,
    "steady": _steady,
    "scalar": _scalar,
    "ode-euler": _euler,
    "ode-heun": _heun,
}
"""Arms without a strength."""

STRONG: dict[str, Callable[[Field, int, float], Plan]] = {
    "pds": _pds,
    "pds+space": _space,
    "natural": _natural,
    "tuned+pds": _tuned_pds,
    "inverted": _inverted,
    "preserving": _preserving,
    "corrector": _corrector,
    "predictor": _predictor,
    "scalar": _constant,
}
"""Arms with a strength, as in pds:5: an alpha, or the constant of a scalar."""


def ordered(arm_names: Sequence[str]) -> list[str]:
    """Return names in the order of `PLAIN` and `STRONG`, weak filters last."""
    kinds = [*PLAIN, *STRONG]
    kinds.insert(1, kinds.pop(kinds.index("pds")))
    return sorted(arm_names, key=lambda name: (kinds.index(name.split(":")[0]), _strength(name)))


def _strength(name: str) -> float:
    return float(name.partition(":")[2] or 0)
