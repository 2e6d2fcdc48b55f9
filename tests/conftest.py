"""Shared by all tests: few threads, since more threads than free cores make torch crawl."""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
torch.set_num_threads(2)
