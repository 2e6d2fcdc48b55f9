"""The architecture of an NCSN++; field names are those of published configuration files."""

from dataclasses import dataclass
from typing import Literal

from pds.limits import quoted
from pds.scores.ncsnpp.fields import type_fields


@dataclass(frozen=True)
class NCSNppConfig:
    """Architecture of an NCSN++.

    Args:
        image_size: height and width in pixels, divisible by 2^(levels - 1).
        num_channels: image channels.
        centered: images are in [-1, 1]; else in [0, 1], and the network centers them.
        nf: channels of the first level, a multiple of 4.
        ch_mult: channels of each level, in units of nf.
        num_res_blocks: residual blocks of each level of the encoder; the decoder has one more.
        attn_resolutions: sizes in pixels of the levels with attention.
        resamp_with_conv: "ddpm" blocks resample with a convolution.
        conditional: the blocks are conditioned on the noise level.
        fir, fir_kernel: resample with this FIR filter of 4 taps.
        skip_rescale: divide sums of two branches by sqrt 2.
        resblock_type, progressive, progressive_input, progressive_combine: flavors.
        embedding_type, fourier_scale: how the noise level is embedded.
        init_scale: of the last layer of each branch.
        scale_by_sigma: divide the output by sigma, for a VE process.
        dropout: probability, in training.

    Raises:
        ValueError: for a value of another type, a flavor that does not exist, or sizes that do not
            fit; the message begins with the name of the field.
    """

    image_size: int
    num_channels: int = 3
    centered: bool = False
    nf: int = 128
    ch_mult: tuple[int, ...] = (1, 2, 2, 2)
    num_res_blocks: int = 4
    attn_resolutions: tuple[int, ...] = (16,)
    resamp_with_conv: bool = True
    conditional: bool = True
    fir: bool = True
    fir_kernel: tuple[float, ...] = (1, 3, 3, 1)
    skip_rescale: bool = True
    resblock_type: Literal["biggan", "ddpm"] = "biggan"
    progressive: Literal["none", "output_skip", "residual"] = "output_skip"
    progressive_input: Literal["none", "input_skip", "residual"] = "input_skip"
    progressive_combine: Literal["sum", "cat"] = "sum"
    embedding_type: Literal["fourier", "positional"] = "fourier"
    fourier_scale: float = 16
    init_scale: float = 0.0
    scale_by_sigma: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.image_size, tuple | list):
            raise ValueError(
                f"image_size must be one whole number, got {quoted(self.image_size)}; images are "
                "square here"
            )
        type_fields(self)
        for name in ("image_size", "num_channels", "num_res_blocks"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be >= 1, got {getattr(self, name)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {self.dropout}")
        if self.init_scale < 0:
            raise ValueError(f"init_scale must be >= 0, got {self.init_scale}")
        if self.nf < 4 or self.nf % 4:
            raise ValueError(f"nf must be a positive multiple of 4, got {self.nf}")
        if not self.ch_mult or min(self.ch_mult) < 1:
            raise ValueError(f"ch_mult must list whole numbers >= 1, got {self.ch_mult}")
        if min(self.attn_resolutions, default=1) < 1:
            raise ValueError(
                f"attn_resolutions must list whole numbers >= 1, got {self.attn_resolutions}"
            )
        if self.image_size % 2 ** (len(self.ch_mult) - 1):
            raise ValueError(
                f"image_size must be divisible by {2 ** (len(self.ch_mult) - 1)} for "
                f"{len(self.ch_mult)} levels, got {self.image_size}"
            )
        if len(self.fir_kernel) != 4 or sum(self.fir_kernel) == 0:
            raise ValueError(f"fir_kernel must have 4 taps with a sum, got {self.fir_kernel}")

    @property
    def taps(self) -> tuple[float, ...] | None:
        """Return the FIR filter for resampling, None for averaging and repeating pixels."""
        return self.fir_kernel if self.fir else None
