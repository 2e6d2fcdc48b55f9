"""A trained network as a score function.

| scaling   | conditioning | process    | score(x, t)                                                      |
|-----------|--------------|------------|------------------------------------------------------------------|
| published | continuous   | VE         | network(x, sigma)                (the network divides by sigma)  |
| published | continuous   | VP, sub-VP | -network(x, 999 t) / std                                         |
| published | discrete     | VE         | network(x, j),  j = round((1 - t) (N - 1))  (divides by sigma_j) |
| published | discrete     | VP         | -network(x, k) / std_k,  k = round(t (N - 1))                    |
| edm       | continuous   | VE         | (D(x, sigma) - x) / sigma^2                                      |

A network with discrete conditioning was trained on N = num_scales noise levels, and is given the
index of one of them. In a VE process j counts down from sigma_max,

    sigma_j = sigma_max (sigma_min / sigma_max)^(j / (N - 1)),    std_k^2 = 1 - prod_{i <= k} (1 - beta_i)

N is that of the training, however many iterations a sampler has. With N iterations, a VE sampler
visits every level once, from noise to data; a VP one, which stops at t = 1e-3, has level 1 last and
one level in the middle twice.

    D(x, sigma) = m + c_skip (x - m) + c_out network(c_in (x - m), sigma)
    c_skip = s^2 / (sigma^2 + s^2),  c_out = sigma s / sqrt(sigma^2 + s^2),  c_in = 1 / sqrt(sigma^2 + s^2)

with s the data's standard deviation around m, the middle of its range: 0.5 for images in [0, 1].

Source: Y. Song et al., ICLR 2021; J. Ho et al., NeurIPS 2020 (discrete VP). Song's code rounds j,
but gives a VP network t (N - 1) with its fraction, beside the std of the level below. Networks have
seen whole numbers alone, so here k is rounded too, as Song advises in issue 2 of score_sde_pytorch,
and both are those of level k. T. Karras et al., "Elucidating the Design Space of
Diffusion-Based Generative Models", NeurIPS 2022 (edm).
"""  # noqa: E501

import dataclasses
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor, nn

from pds.limits import require_positive, require_snr, require_whole
from pds.scores.ncsnpp.config import NCSNppConfig
from pds.scores.ncsnpp.fields import known_fields, type_fields, typed
from pds.scores.ncsnpp.network import NCSNpp
from pds.sde import SDE, VESDE, VPSDE, SubVPSDE, column, wide, widest

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
        snr: of the published Langevin corrector, > 0; by default that of CIFAR-10.
        scaling: from the network's output to a score, see the module.
        data_std: s of the "edm" scaling, in pixel units, > 0.
        conditioning: "continuous" if the network was trained at all times, "discrete" if on the N
            noise levels alone, of which it is given the index.

    Raises:
        ValueError: for a value of another type or outside these ranges, or a scaling or a
            conditioning that does not fit; the message begins with the name of the field.
    """

    network: NCSNppConfig
    sde: VESDE | VPSDE | SubVPSDE
    num_scales: int
    snr: float = 0.16
    scaling: Literal["published", "edm"] = "published"
    data_std: float = 0.5
    conditioning: Literal["continuous", "discrete"] = "continuous"

    def __post_init__(self) -> None:
        type_fields(self)
        require_whole("num_scales", self.num_scales, 1)
        require_snr(self.snr)
        require_positive("data_std", self.data_std)
        if self.scaling == "edm" and not isinstance(self.sde, VESDE):
            raise ValueError(
                f"scaling: edm scaling is defined for VE, got {type(self.sde).__name__}"
            )
        if self.conditioning == "discrete":
            self._require_discrete()
        elif self.network.scale_by_sigma and self.network.embedding_type == "positional":
            raise ValueError(
                "scale_by_sigma needs embedding_type fourier: a positional network with continuous "
                "conditioning does not know sigma; set scale_by_sigma to False"
            )

    def _require_discrete(self) -> None:
        process, embedding = type(self.sde).__name__, self.network.embedding_type
        if embedding != "positional":
            raise ValueError(
                "conditioning: a network that is given the index of a noise level has the "
                f"embedding_type positional, got {embedding}"
            )
        if self.scaling == "edm" or isinstance(self.sde, SubVPSDE):
            raise ValueError(
                "conditioning: indices of noise levels are defined for VE and VP networks with "
                f"published scaling, got {process} with {self.scaling} scaling"
            )
        if isinstance(self.sde, VESDE):
            return
        if self.network.scale_by_sigma:
            raise ValueError(
                f"scale_by_sigma needs a VE process, got {process}; set scale_by_sigma to False"
            )
        try:
            self.sde.alpha(self.num_scales)
        except ValueError as error:
            raise ValueError(f"num_scales: {error}") from None

    @property
    def amplitude(self) -> float:
        """Return the factor from images in [0, 1] to the network's scale: 1, or 2 for [-1, 1]."""
        return 2.0 if self.network.centered else 1.0

    def to_dict(self) -> dict[str, Any]:
        """Return the card as JSON values, the inverse of `from_dict`.

        Continuous conditioning is left out, so that cards and run folders from before there was
        another one stay the same.
        """
        (process,) = [name for name, kind in PROCESSES.items() if type(self.sde) is kind]
        values = {**dataclasses.asdict(self), "process": process}
        if self.conditioning == "continuous":
            del values["conditioning"]
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ModelCard":
        """Return a card from JSON values.

        Raises:
            ValueError: if a value is missing, unknown, of another type or out of range.
        """
        try:
            rest = dict(values)
            process = typed("process", rest.pop("process", None), Literal[*PROCESSES])
            known_fields(cls, rest, "the card")
            sde = known_fields(PROCESSES[process], rest["sde"], "sde")
            rest["sde"] = PROCESSES[process](
                **{name: typed(name, value, float) for name, value in sde.items()}
            )
            network = known_fields(NCSNppConfig, rest["network"], "network")
            return cls(**{**rest, "network": NCSNppConfig(**network)})
        except (TypeError, ValueError) as error:
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
        the embedding, which are shared. On a CPU, call `precision.require_precision` first.

        In bfloat16, portraits of 32 px at N = 25 differ by 0.001 (rms, pixels in [0, 1]), by 0.008
        at most; tests/unit/scores/test_precision.py has the score's error by noise level.
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
        if self.card.conditioning == "discrete":
            level, std = (v.to(x) for v in self._trained_level(t))
        else:
            std = self.sde.marginal(t).std.to(x)
            level = std if isinstance(self.sde, VESDE) else 999 * t.to(x)
        if isinstance(self.sde, VESDE):
            return self.network(x, level, std)
        return -self.network(x, level) / std.reshape(-1, 1, 1, 1)

    def _trained_level(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return index and std of the level of a discrete network at t, (B,) each."""
        t, sde, last = wide(t), self.card.sde, self.card.num_scales - 1
        if isinstance(sde, VESDE):
            index = ((1 - t) * last).round()
            return index, sde.sigma(1 - index / max(last, 1))
        index = (t * last).round()
        return index, _level_stds(sde, self.card.num_scales, t.device)[index.long()]

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Return D(x, sigma), the "edm" estimate of the clean images; sigma (B, 1, 1, 1)."""
        centered, s = self.card.network.centered, self.card.data_std
        middle, total = 0.0 if centered else 0.5, (sigma**2 + s**2).sqrt()
        inner = (x - middle) / total
        # Networks for images in [0, 1] center their input themselves.
        output = self.network(inner if centered else (inner + 1) / 2, sigma.flatten())
        denoised: Tensor = middle + (s / total) ** 2 * (x - middle) + sigma * s / total * output
        return denoised


@cache
def _level_stds(sde: VPSDE | SubVPSDE, num_scales: int, device: torch.device) -> Tensor:
    """Return std_k of the noise levels of a VP network, (N,)."""
    # Kept for good, since CUDA graphs read it where it is.
    with torch.inference_mode(False):
        return (1 - sde.alpha(num_scales).flip(0).cumprod(0)).sqrt().to(widest(device)).to(device)


def _laid_out(weight: Tensor) -> Tensor:
    return weight.contiguous(memory_format=torch.channels_last) if weight.ndim == 4 else weight
