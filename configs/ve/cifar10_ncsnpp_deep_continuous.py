"""CIFAR-10 at 32 px, the deeper network: sigma up to 50, 1000 scales."""

from configs.published import Values, configuration


def get_config() -> Values:
    """Return the published values."""
    return configuration(
        image_size=32,
        sigma_max=50,
        num_scales=1000,
        snr=0.16,
        nf=128,
        ch_mult=(1, 2, 2, 2),
        num_res_blocks=8,
        progressive="none",
        progressive_input="residual",
        dropout=0.1,
        batch_size=1024,
    )
