"""What the configurations of the embedded models have in common."""

from configs.published import Values, configuration


def portraits(image_size: int, *, nf: int, ch_mult: tuple[int, ...]) -> Values:
    """Return the values of a shipped checkpoint; see `pds.portraits.trainer.TrainConfig`."""
    return configuration(
        image_size=image_size,
        sigma_max=1348,
        num_scales=2000,
        snr=0.15,
        nf=nf,
        ch_mult=ch_mult,
        num_res_blocks=1,
        attn_resolutions=(8,),
        fir=False,
        fourier_scale=0.5,
        scale_by_sigma=False,
        scaling="edm",
        data_std=0.25,
        shipped_checkpoint=f"assets/portraits{image_size}.safetensors",
        batch_size=8,
        num_samples=8,
    )
