"""LSUN bedroom at 256 px: sigma up to 378, 2000 scales."""

from configs.default_lsun_configs import get_default_configs
from configs.published import Values


def get_config() -> Values:
    """Return the published values."""
    return get_default_configs()
