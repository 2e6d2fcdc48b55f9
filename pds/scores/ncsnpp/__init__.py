"""The NCSN++ network in pure torch, every flavor of the paper's configurations, and its score."""

from pds.scores.ncsnpp.config import NCSNppConfig
from pds.scores.ncsnpp.network import NCSNpp
from pds.scores.ncsnpp.score import ModelCard, NetworkScore

__all__ = ["ModelCard", "NCSNpp", "NCSNppConfig", "NetworkScore"]
