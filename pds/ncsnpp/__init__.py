"""The NCSN++ network in pure torch, every flavor of the paper's configurations, and its score."""

from pds.ncsnpp.config import NCSNppConfig
from pds.ncsnpp.network import NCSNpp
from pds.ncsnpp.score import ModelCard, NetworkScore

__all__ = ["ModelCard", "NCSNpp", "NCSNppConfig", "NetworkScore"]
