"""Preconditioned diffusion sampling (PDS): vanilla and preconditioned samplers for score models.

Source: H. Ma, L. Zhang, X. Zhu, J. Feng, "Accelerating Score-Based Generative Models with
Preconditioned Diffusion Sampling", ECCV 2022.
"""

__version__ = "1.0.0.dev0"
