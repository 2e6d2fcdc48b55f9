"""A trained network as a score function.

| scaling   | process    | score(x, t)                                                     |
|-----------|------------|-----------------------------------------------------------------|
| published | VE         | network(x, sigma)                (the network divides by sigma) |
| published | VP, sub-VP | -network(x, 999 t) / std                                        |
| edm       | VE         | (D(x, sigma) - x) / sigma^2                                     |

    D(x, sigma) = m + c_skip (x - m) + c_out network(c_in (x - m), sigma)
    c_skip = s^2 / (sigma^2 + s^2),  c_out = sigma s / sqrt(sigma^2 + s^2),  c_in = 1 / sqrt(sigma^2 + s^2)

with s the data's standard deviation around m, the middle of its range: 0.5 for images in [0, 1].

Source: Y. Song et al., ICLR 2021; T. Karras et al., "Elucidating the Design Space of
Diffusion-Based Generative Models", NeurIPS 2022 (edm).
"""  # noqa: E501

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from pds.limits import require_positive, require_snr, require_whole
from pds.scores.ncsnpp.config import NCSNppConfig
from pds.scores.ncsnpp.network import NCSNpp
from pds.sde import SDE, VESDE, VPSDE, SubVPSDE, column

PROCESSES: dict[str, type[VESDE] | type[VPSDE] | type[SubVPSDE]] = {
    "vesde": VESDE,
    "vpsde": VPSDE,
    "subvpsde": SubVPSDE,
}


@dataclass(frozen=True)
class ModelCard:
    """Everything that sampling from a network needs, except its weights.

    Args:
        network: the architecture.
        sde: the process that the network was trained on.
        num_scales: the published number of iterations N, >= 1.
        snr: of the published Langevin corrector, > 0.
        scaling: from the network's output to a score, see the module.
        data_std: s of the "edm" scaling, in pixel units, > 0.

    Raises:
        ValueError: for values outside these ranges, or a scaling that does not fit the process.
    """

    network: NCSNppConfig
    sde: VESDE | VPSDE | SubVPSDE
    num_scales: int
    snr: float
    scaling: Literal["published", "edm"] = "published"
    data_std: float = 0.5

    def __post_init__(self) -> None:
        require_whole("num_scales", self.num_scales, 1)
        require_snr(self.snr)
        require_positive("data_std", self.data_std)
        if self.scaling not in ("published", "edm"):
            raise ValueError(f"scaling must be published or edm, got {self.scaling!r}")
        if self.scaling == "edm" and not isinstance(self.sde, VESDE):
            raise ValueError(f"edm scaling is defined for VE, got {type(self.sde).__name__}")

    @property
    def amplitude(self) -> float:
        """Return the factor from images in [0, 1] to the network's scale: 1, or 2 for [-1, 1]."""
        return 2.0 if self.network.centered else 1.0

    def to_dict(self) -> dict[str, Any]:
        """Return the card as JSON values, the inverse of `from_dict`."""
        (process,) = [name for name, kind in PROCESSES.items() if type(self.sde) is kind]
        return {**dataclasses.asdict(self), "process": process}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ModelCard":
        """Return a card from JSON values.

        Raises:
            ValueError: if a value is missing, unknown or out of range.
        """
        try:
            rest = dict(values)
            sde = PROCESSES[rest.pop("process")](**rest.pop("sde"))
            return cls(network=NCSNppConfig(**rest.pop("network")), sde=sde, **rest)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the model's description does not fit: {error}") from None


class NetworkScore(nn.Module):
    """The score function of a network: x (B, C, H, W), t (B,) -> (B, C, H, W)."""

    def __init__(self, card: ModelCard) -> None:
        super().__init__()
        self.card = card
        self.network = NCSNpp(card.network)

    @property
    def sde(self) -> SDE:
        """Return the process that the network was trained on."""
        return self.card.sde

    def in_precision(self, dtype: torch.dtype) -> "NetworkScore":
        """Return this score with a network that computes images in `dtype`, for sampling.

        Input, output, their scaling and the embedding of the noise level stay in the precision of
        x. The weights are a copy (in 16 bits half the size of the original), except for those of
        the embedding, which are shared. On a CPU, call `precision.require` first.

        In bfloat16, portraits of 32 px at N = 25 differ by 0.001 (rms, pixels in [0, 1]), by 0.008
        at most; tests/test_precision.py has the score's error by noise level.
        """
        return self if dtype == self.network.dtype else self._with(self.network.state_in(dtype))

    def on(self, device: torch.device | str) -> "NetworkScore":
        """Return this score on a device, for sampling: a copy, or itself if it is there.

        Kernels of convolutions are channels last in a copy, as a GPU would otherwise convert them
        in every call.
        """
        state = self.network.state_dict()
        if all(torch.device(device) == weight.device for weight in state.values()):
            return self
        return self._with({name: _laid_out(w.to(device)) for name, w in state.items()})

    def _with(self, state: dict[str, Tensor]) -> "NetworkScore":
        """Return a score of the same card with other weights, which are not copied."""
        with torch.device("meta"):
            score = NetworkScore(self.card)
        score.network.load_state_dict(state, assign=True)
        return score.eval().requires_grad_(False)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        if self.card.scaling == "edm":
            sigma = column(self.sde.marginal(t).std, x)
            return (self.denoise(x, sigma) - x) / sigma**2
        std = self.sde.marginal(t).std.to(x)
        if isinstance(self.sde, VESDE):
            return self.network(x, std)
        return -self.network(x, 999 * t.to(x)) / std.reshape(-1, 1, 1, 1)

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Return D(x, sigma), the "edm" estimate of the clean images; sigma (B, 1, 1, 1)."""
        centered, s = self.card.network.centered, self.card.data_std
        middle, total = 0.0 if centered else 0.5, (sigma**2 + s**2).sqrt()
        inner = (x - middle) / total
        # Networks for images in [0, 1] center their input themselves.
        output = self.network(inner if centered else (inner + 1) / 2, sigma.flatten())
        denoised: Tensor = middle + (s / total) ** 2 * (x - middle) + sigma * s / total * output
        return denoised


def _laid_out(weight: Tensor) -> Tensor:
    return weight.contiguous(memory_format=torch.channels_last) if weight.ndim == 4 else weight
