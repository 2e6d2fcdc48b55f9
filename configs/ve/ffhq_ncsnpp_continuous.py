"""FFHQ at 1024 px: sigma up to 1348, 2000 scales."""

from configs.published import Values, configuration


def get_config() -> Values:
    """Return the published values."""
    return configuration(
        image_size=1024,
        sigma_max=1348,
        num_scales=2000,
        snr=0.15,
        nf=16,
        ch_mult=(1, 2, 4, 8, 16, 32, 32, 32),
        num_res_blocks=1,
        batch_size=1024,
    )
