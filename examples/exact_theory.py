"""The exact error of a sampler at every N, without sampling.

For Gaussian images every Fourier mode follows a scalar recursion, so the Wasserstein-2 distance
between a sampler's result and the data is known exactly. On the 1/f^2 spectrum of natural images
few iterations favor PDS and many favor vanilla; "tuned" uses the noise levels and the snr that are
best at each N, without a filter.
Takes 5 seconds on two cores. Prints a table and saves exact_theory.html, a figure.
"""

import numpy as np
import plotly.graph_objects as go

import pds
from pds import filters, spectra, theory
from pds.theory import tuned

NUM_STEPS = (25, 40, 66, 100, 133, 200, 400)
sde = pds.VESDE(sigma_min=0.01, sigma_max=1348)

power = spectra.inverse_square_power(256, variance=0.06)  # your spectrum, (H, W)
mask = filters.frequency_mask(power, mean=0.5)
data = theory.bins(power)
gain = theory.bins(filters.gain(mask, alpha=5)).power
ones = np.ones_like(gain)


def errors(gain, samplers):
    """Return the distance per pixel of each sampler's result to the data."""
    return theory.w2(data, theory.variances(data, gain, sde, samplers))


# The last time eps is 1e-5 times the speed-up, as published.
vanilla = [pds.PredictorCorrector(num_steps=n, eps=1e-5 * 2000 / n) for n in NUM_STEPS]
best = [tuned.sampler(mask[None], sde, sampler) for sampler in vanilla]
curves = {
    "vanilla": errors(ones, vanilla),
    "PDS, alpha = 5": errors(gain, vanilla),
    "tuned": errors(ones, best),
}

print("     N", *(f"{name:>14}" for name in curves))
for num_steps, *row in zip(NUM_STEPS, *curves.values(), strict=True):
    print(f"{num_steps:>6}", *(f"{error:>14.5f}" for error in row))

figure = go.Figure([go.Scatter(x=NUM_STEPS, y=y, name=name) for name, y in curves.items()])
figure.update_xaxes(type="log", title="iterations N", tickvals=NUM_STEPS)
figure.update_yaxes(type="log", title="Wasserstein-2 distance per pixel", dtick=1)
figure.write_html("exact_theory.html")
