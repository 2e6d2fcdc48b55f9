"""`pds tune`: fit a filter to a number of iterations."""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import Tensor

from pds import filters, models, theory
from pds.commands.arguments import shipped_path
from pds.files.shipped import ROOT
from pds.jobs.configuration import kernels, read_configuration
from pds.sampling import PredictorCorrector
from pds.sde import SDE, VESDE
from pds.theory import tuned


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.description = (
        "Finds the gain by frequency that is best at N iterations for Gaussian data of the "
        "filter's spectrum, on the published noise levels, writes it as a filter, and prints its "
        "error and its --alpha. On a network it overshoots where N is small."
    )
    parser.epilog = """\
examples:
  %(prog)s filters/portraits32_freq.npy --num-steps 66 --out tuned_n66_freq.npy"""
    config = ROOT / "configs" / "ve" / "portraits32_ncsnpp.py"
    add = parser.add_argument
    add("mask", type=shipped_path, metavar="FILE.npy", help="frequency filter of the data")
    add("--num-steps", type=int, required=True, metavar="N", help="iterations to tune it for")
    add("--out", type=Path, required=True, metavar="FILE.npy", help="filter to write")
    add(
        "--config",
        type=shipped_path,
        default=config,
        metavar="FILE.py",
        help="configuration of the network; default configs/ve/portraits32_ncsnpp.py",
    )
    unset = "; default as in the configuration"
    add("--sigma-max", type=float, metavar="SIGMA", help=f"strongest noise level{unset}")
    add("--snr", type=float, metavar="SNR", help=f"of the corrector, > 0{unset}")
    add("--num-scales", type=int, metavar="N", help=f"noise levels of the network{unset}")


def run(arguments: argparse.Namespace) -> None:
    """Write the gain that is best at this N, and print its error beside that of other gains."""
    with arguments.mask.open("rb") as file:
        published = filters.read(file, str(arguments.mask), None, kind="frequency")
    sde, sampler, amplitude = _tuned_for(arguments)
    data = tuned.spectrum(published, amplitude=amplitude)
    ones, pds = np.ones_like(data.power), _binned(published, 5.0)
    scalar = theory.tune_scalar(data, sde, sampler)
    gain = tuned.gain(published, sde, sampler, amplitude=amplitude).gain
    alpha = theory.alpha_for(gain)
    mask = theory.mask(gain, alpha)
    filters.save(arguments.out, mask, kind="frequency")
    print(
        "Exact for Gaussian data with this spectrum, no measure of a network's images: error W2, "
        "power above half Nyquist (1 is right)"
    )
    rows = {
        "vanilla": ones,
        "PDS, alpha 5": pds,
        f"scalar {scalar:.4f}": scalar * ones,
        "best gain": _binned(mask, alpha),
    }
    variance = theory.variances(data, np.stack(list(rows.values())), sde, [sampler] * len(rows))
    errors, left = theory.w2(data, variance), theory.noise_left(data, variance)
    for name, w2, noise in zip(rows, errors, left, strict=True):
        print(f"{name:>14} {w2:>9.5f} {noise:>7.3f}")
    print(f"{arguments.out}: {tuple(mask.shape)}, for {sampler.num_steps} iterations")
    print(f"pass --freq_mask_path {arguments.out} --alpha {alpha:g}")


def _tuned_for(arguments: argparse.Namespace) -> tuple[SDE, PredictorCorrector, float]:
    """Return the process, the sampler, and the scale of its images relative to [0, 1]."""
    configuration = read_configuration(arguments.config)
    card, num_steps = configuration.card, arguments.num_steps
    sde = card.sde
    num_scales = card.num_scales if arguments.num_scales is None else arguments.num_scales
    if arguments.sigma_max is not None:
        if not isinstance(sde, VESDE):
            raise ValueError(f"--sigma-max needs a VE process, {arguments.config} has another")
        sde = replace(sde, sigma_max=arguments.sigma_max)
    if not 1 <= num_steps <= num_scales:
        raise ValueError(f"--num-steps must lie in 1 to num_scales {num_scales}, got {num_steps}")
    snr = card.snr if arguments.snr is None else arguments.snr
    predictor, corrector = kernels(configuration.predictor, configuration.corrector, snr)
    sampler = PredictorCorrector(
        num_steps=num_steps,
        eps=sde.eps_per_speed_up * models.speed_up(num_scales, num_steps),
        predictor=predictor,
        corrector=corrector,
        num_corrector_steps=configuration.num_corrector_steps,
    )
    return sde, sampler, card.amplitude


def _binned(mask: Tensor, alpha: float) -> theory.Array:
    return theory.bins(filters.gain(mask, alpha).double().mean(0)).power
