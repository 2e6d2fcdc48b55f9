"""Runs of an exact score on workers, and two devices of one CPU."""

import time

import pytest

from pds import models
from pds.driving import sample, seeded_noise, side_by_side
from pds.kernels import Langevin
from pds.models import compare_request
from pds.request import Request
from pds.sampling import PredictorCorrector
from pds.scores.gaussian import GaussianField
from pds.sde import VESDE
from pds.serving.worker import Workers
from pds.spectra import inverse_square_power
from tests.support.placed import here

SDE = VESDE(0.01, 100.0)
FIELD = GaussianField(inverse_square_power(8, variance=0.06), SDE, mean=0.5)
PATIENCE = 60
"""Seconds after which a test gives up."""
BOTH = ("cpu:0", "cpu:1")
LONG = Request("field64", 2000, num_images=1)


def sampler(num_steps):
    return PredictorCorrector(num_steps, 1e-3, corrector=Langevin(0.15, "sample"))


def chains(*, seed=0, num_steps=6, size=8):
    return side_by_side(
        [sampler(num_steps)],
        SDE,
        noise=seeded_noise([seed], device=here()),
        shape=(1, 3, size, size),
    )


def alone(*, seed, num_steps):
    chain = sampler(num_steps).chain(
        SDE, noise=seeded_noise([seed], device=here()), shape=(1, 3, 8, 8)
    )
    return sample(FIELD, chain)


def eventually(condition):
    """Wait until it holds; a thread of another is at work."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def started(num_runs, request=LONG):
    """Runs that have their first step."""
    runs = [compare_request(request) for _ in range(num_runs)]
    for run in runs:
        next(run)
    return runs


@pytest.fixture
def workers(monkeypatch):
    """Two devices for all runs of a test."""
    workers = Workers(BOTH)
    monkeypatch.setattr(models, "workers", lambda: workers)
    yield workers
    eventually(lambda: workers.num_runs == 0)
