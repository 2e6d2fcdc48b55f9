"""The embedded model: drawn portraits at 256 px with FFHQ's noise levels, weights in assets/."""

from configs.published import Values, configuration


def get_config() -> Values:
    """Return the values of the shipped checkpoint; see `pds.portraits.train.TrainConfig`."""
    return configuration(
        image_size=256,
        sigma_max=1348,
        num_scales=2000,
        snr=0.15,
        nf=16,
        ch_mult=(1, 1, 2, 4, 4, 4),
        num_res_blocks=1,
        attn_resolutions=(8,),
        fir=False,
        fourier_scale=0.5,
        scale_by_sigma=False,
        scaling="edm",
        data_std=0.25,
        shipped_checkpoint="assets/portraits256.safetensors",
        batch_size=8,
        num_samples=8,
    )
