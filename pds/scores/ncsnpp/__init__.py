"""NCSN++ in pure torch, with every flavor of the published configurations, and its score."""

from pds.scores.ncsnpp.config import NCSNppConfig
from pds.scores.ncsnpp.network import NCSNpp
from pds.scores.ncsnpp.score import ModelCard, NetworkScore

__all__ = ["ModelCard", "NCSNpp", "NCSNppConfig", "NetworkScore"]
