"""What the 256-pixel LSUN experiments share."""

from configs.published import Values, configuration


def get_default_configs() -> Values:
    """Return the values that bedroom and church have in common; sigma_max is bedroom's."""
    return configuration(
        image_size=256,
        sigma_max=378,
        num_scales=2000,
        snr=0.075,
        nf=128,
        ch_mult=(1, 1, 2, 2, 2, 2, 2),
        num_res_blocks=2,
        batch_size=512,
    )
