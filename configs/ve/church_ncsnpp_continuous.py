"""LSUN church at 256 px: sigma up to 380, 2000 scales."""

from configs.default_lsun_configs import get_default_configs
from configs.published import Values


def get_config() -> Values:
    """Return the published values."""
    config = get_default_configs()
    config.model.sigma_max = 380
    return config
