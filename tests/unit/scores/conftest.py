import pytest
import torch

from pds.scores.ncsnpp import NetworkScore
from tests.support.checkpoints import CARD


@pytest.fixture
def score():
    """A network with the random weights of seed 0."""
    torch.manual_seed(0)
    return NetworkScore(CARD)
