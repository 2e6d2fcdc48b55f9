"""The network: against diffusers' on the same weights, by batch and size, and against the peak."""

import importlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from pds.bench import subjects
from pds.bench.apart import Apart
from pds.bench.peaks import measured_peaks
from pds.bench.rows import Row, at_least, skipped
from pds.bench.timing import Effort, Measurement, Work, alternate, median_and_range, versus
from pds.models import default_device
from pds.scores import hub
from pds.scores.ncsnpp import ModelCard, NetworkScore, precision

Call = Callable[[], Tensor]
BATCHES = (1, 2, 4, 8, 16, 32, 64)
RESOLUTIONS = (64, 128, 256)
"""Beside 32 px, whose batches include 4."""
SHARED = "diffusers within our program, with its memory"


def rows(effort: Effort) -> Iterator[Row]:
    """Yield theirs / ours for the church and FFHQ networks, float32 and bfloat16."""
    try:
        importlib.import_module("diffusers")
    except ImportError:
        why = "diffusers is not installed (pip install -r requirements-dev.txt)"
        yield skipped("network", "diffusers / ours", why)
        return
    for name, card, note in _architectures(effort):
        for row in _against_theirs(contest(card), effort):
            notes = "; ".join(part for part in (note, row.note) if part)
            yield replace(row, name=f"network, {name}", note=notes)


def _architectures(effort: Effort) -> Iterator[tuple[str, ModelCard, str]]:
    if effort.quick:
        # The groups of diffusers' attention need at least 128 channels.
        yield "church 64 px", subjects.card("church_ncsnpp_continuous", nf=64, size=64), "nf 64"
        return
    yield "church 256 px", subjects.card("church_ncsnpp_continuous"), "real width, batch 1"
    size = 1024 if subjects.ON_GPU else 256
    note = "real width, batch 1" + ("" if subjects.ON_GPU else ", at 256 px: 1024 is long on a CPU")
    yield f"FFHQ {size} px", subjects.card("ffhq_ncsnpp_continuous", size=size), note


class Contest(NamedTuple):
    """Two networks of the same weights, and their inputs."""

    card: ModelCard
    ours: NetworkScore
    theirs: Any
    x: Tensor
    sigma: Tensor

    def call_ours(self, dtype: torch.dtype) -> Work:
        """Return a call of our network."""
        network = self.ours.in_precision(dtype).network
        return lambda: torch.no_grad()(network)(self.x, self.sigma)

    def call_theirs(self, dtype: torch.dtype) -> Work:
        """Return a call of theirs with autocast, its usual form: weights stay float32."""

        @torch.no_grad()
        def call() -> Tensor:
            with torch.autocast(
                torch.device(default_device()).type, dtype, enabled=dtype != torch.float32
            ):
                return self.theirs(self.x, self.sigma).sample

        return call


def contest(card: ModelCard) -> Contest:
    """Return both networks with one image."""
    ours, theirs = twins(card)
    x, t = subjects.batch(ours, 1)
    return Contest(card, ours, theirs, x, ours.sde.marginal(t).std.to(x))


def theirs_alone(card: ModelCard) -> Work:
    """Return a call of their network in float32, which returns nothing to another process."""
    call = contest(card).call_theirs(torch.float32)

    def call_only() -> None:
        call()

    return call_only


def _against_theirs(at: Contest, effort: Effort) -> Iterator[Row]:
    full, half = torch.float32, torch.bfloat16
    try:
        precision.require_precision(torch.device(default_device()), half)
        lower = {half: (at_least(2.2), "bf16")}
    except ValueError as error:
        yield skipped("", "in bf16", str(error))
        lower = {}
    ours = {full: (at_least(1.7), "fp32"), **lower}
    with Apart(theirs_alone, at.card) as alone:
        for dtype, (target, name) in ours.items():
            measured = versus(alone, at.call_ours(dtype), effort)
            what = f"diffusers fp32, a program of its own / ours {name}"
            yield Row("", what, measured, target, "ours keeps its blocks of memory")
    for dtype, (target, name) in ours.items():
        measured = versus(at.call_theirs(full), at.call_ours(dtype), effort)
        yield Row("", f"diffusers fp32 / ours {name}", measured, target, SHARED)
    for dtype in lower:
        measured = versus(at.call_theirs(dtype), at.call_ours(dtype), effort)
        yield Row("", "diffusers bf16 / ours bf16", measured, note=SHARED)


def twins(card: ModelCard) -> tuple[NetworkScore, Any]:
    """Return our network and diffusers' UNet2DModel on the same random weights."""
    diffusers = importlib.import_module("diffusers")
    network, levels = card.network, len(card.network.ch_mult)
    attends = [network.image_size >> i in network.attn_resolutions for i in range(levels)]
    kinds = ["AttnSkip" if attend else "Skip" for attend in attends]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = diffusers.UNet2DModel(
            sample_size=network.image_size,
            time_embedding_type="fourier",
            center_input_sample=not network.centered,
            block_out_channels=[network.nf * mult for mult in network.ch_mult],
            layers_per_block=network.num_res_blocks,
            norm_eps=1e-6,
            mid_block_scale_factor=2**0.5,
            norm_num_groups=None,
            attention_head_dim=None,
            down_block_types=[f"{kind}DownBlock2D" for kind in kinds],
            up_block_types=[f"{kind}UpBlock2D" for kind in reversed(kinds)],
        )
    with tempfile.TemporaryDirectory() as folder:
        unet.save_pretrained(folder)
        diffusers.ScoreSdeVeScheduler().save_pretrained(folder)
        ours = hub.load(Path(folder))
    return ours.to(default_device()), unet.to(default_device()).eval().requires_grad_(False)


def scaling_rows(effort: Effort) -> Iterator[Row]:
    """Yield images a second through one call of the network, by batch and by resolution."""
    what = "network, images a second"
    score = subjects.embedded_network()
    for count in BATCHES[:3] if effort.quick else BATCHES:
        times = median_and_range(*alternate([_call(score, count)], effort))
        yield Row(f"scaling, 32 px, batch {count}", what, times.per(count, "/s"))
    for size in RESOLUTIONS[:1] if effort.quick else RESOLUTIONS:
        times = median_and_range(*alternate([_call(subjects.embedded_network(size), 4)], effort))
        note = "the embedded architecture, random weights"
        yield Row(f"scaling, {size} px, batch 4", what, times.per(4, "/s"), note=note)


def peak_rows(effort: Effort) -> Iterator[Row]:
    """Yield the share of the measured peaks that networks reach, each at its best batch."""
    peaks = measured_peaks(effort)
    yield Row("peak, matmul", "best of several sizes", peaks.matmul.scaled(1e-9, "GFLOP/s"))
    yield Row("peak, convolution", "best of several", peaks.convolution.scaled(1e-9, "GFLOP/s"))
    for name, score, batches in _contenders(effort):
        rates = {count: _flops_per_second(score, count, effort) for count in batches}
        best = max(rates, key=lambda count: rates[count].median)
        for kind, peak in (("matmul", peaks.matmul), ("convolution", peaks.convolution)):
            share = rates[best].scaled(100 / peak.median, "%")
            alone = 100 * rates[1].median / peak.median
            note = "" if best == 1 else f"with 1 image {alone:.2g} %"
            yield Row(f"peak, {name}, batch {best}", f"share of the {kind} peak", share, note=note)


def _contenders(effort: Effort) -> Iterator[tuple[str, NetworkScore, tuple[int, ...]]]:
    """Yield networks of increasing size, each with the batches to try, 1 among them."""
    yield "embedded network", subjects.embedded_network(), BATCHES[:2] if effort.quick else BATCHES
    if not effort.quick:
        church = subjects.with_random_weights(subjects.card("church_ncsnpp_continuous"))
        yield "church 256 px", church, (1, 2, 4, 8) if subjects.ON_GPU else (1,)
    if subjects.ON_GPU and not effort.quick:
        ffhq = subjects.with_random_weights(subjects.card("ffhq_ncsnpp_continuous"))
        yield "FFHQ 1024 px", ffhq, (1,)


def _flops_per_second(score: NetworkScore, count: int, effort: Effort) -> Measurement:
    call = _call(score, count)
    # Without gradients our convolutions call oneDNN by a name that the counter does not know.
    with FlopCounterMode(display=False) as counter, torch.enable_grad():
        score(*subjects.batch(score, count))
    return median_and_range(*alternate([call], effort)).per(counter.get_total_flops(), "FLOP/s")


def _call(score: NetworkScore, count: int) -> Call:
    x, t = subjects.batch(score, count)
    return lambda: torch.no_grad()(score)(x, t)
