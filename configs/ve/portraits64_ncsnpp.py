"""The embedded model: drawn portraits at 64 px with FFHQ's noise levels, weights in assets/."""

from configs.portraits import portraits
from configs.published import Values


def get_config() -> Values:
    """Return the values of the shipped checkpoint."""
    return portraits(64, nf=32, ch_mult=(1, 2, 2, 2))
