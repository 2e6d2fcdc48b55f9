"""Shared by all tests: one thread, so that timings of neighbors and rounding stay put."""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
torch.set_num_threads(2)
