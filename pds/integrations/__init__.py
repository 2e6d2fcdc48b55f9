"""Score models of other libraries: diffusers, k-diffusion, EDM, azula.

Importing this package imports none of them. `pds.integrations.diffusers`, a scheduler for pipelines
of diffusers, needs diffusers.
"""

from pds.integrations.denoisers import (
    AdaptedScore,
    from_azula,
    from_denoiser,
    from_epsilon,
    from_unet,
)

__all__ = ["AdaptedScore", "from_azula", "from_denoiser", "from_epsilon", "from_unet"]
