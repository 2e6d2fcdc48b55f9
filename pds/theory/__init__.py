"""Exact results of samplers for Gaussian data, and the gains and noise levels of least error."""

from pds.theory.bands import Bands, FlatPlaces
from pds.theory.evolution import Evolution
from pds.theory.levels import tune_levels
from pds.theory.modes import (
    Array,
    Modes,
    Octaves,
    alike,
    bins,
    grid,
    modes,
    noise_left,
    octaves,
    rings,
    w2,
)
from pds.theory.recursion import trajectories, trajectory, variances
from pds.theory.response import FEWEST, LinearResponse, MeasuredResponse, Response, measure
from pds.theory.tuning import alpha_for, hats, mask, on_grid, steady_gain, tune, tune_scalar

__all__ = [
    "FEWEST",
    "Array",
    "Bands",
    "Evolution",
    "FlatPlaces",
    "LinearResponse",
    "MeasuredResponse",
    "Modes",
    "Octaves",
    "Response",
    "alike",
    "alpha_for",
    "bins",
    "grid",
    "hats",
    "mask",
    "measure",
    "modes",
    "noise_left",
    "octaves",
    "on_grid",
    "rings",
    "steady_gain",
    "trajectories",
    "trajectory",
    "tune",
    "tune_levels",
    "tune_scalar",
    "variances",
    "w2",
]
