"""The embedded model: drawn portraits at 256 px with FFHQ's noise levels, weights in assets/."""

from configs.portraits import portraits
from configs.published import Values


def get_config() -> Values:
    """Return the values of the shipped checkpoint."""
    return portraits(256, nf=16, ch_mult=(1, 1, 2, 4, 4, 4))
