"""The request: one description of a run for every interface.

The page, its address, the API, both command lines, the record in a PNG and Python code all describe
a run by a `Request`; equal requests give equal images. `pds.jobs.request_text` writes and reads its
text forms, `pds.jobs.hosting` says which requests a public page takes, `pds.models.Model` samples
it.
"""

from dataclasses import dataclass

from pds.limits import MAX_SEED, quoted, require_alpha, require_whole


@dataclass(frozen=True)
class Request:
    """Everything that determines a comparison of vanilla with another sampler.

    Creating a request opens no file. Only `pds.jobs`, for the command line, opens its paths.

    Args:
        model: a shipped model or a visitor's by its name, or the path of a configuration file.
        num_steps: N, iterations of both samplers, >= 1.
        alpha: strength of the filters, > 1; larger is weaker.
        frequency: whether M has the model's own frequency filter, or the path of another raw mask.
        space: the same for the space filter.
        num_images: images of each sampler, >= 1.
        seed: image i starts from seed + i; 0 to 2^31 - 1.
        tuned: compare with the noise levels and the corrector's snr that are best for the model's
            spectrum at this N, see `pds.theory.tuned`, instead of filters; alpha, frequency and
            space then have no effect.

    Raises:
        ValueError: for values outside these ranges.
    """

    model: str = "portraits32"
    num_steps: int = 66
    alpha: float = 5.0
    frequency: bool | str = True
    space: bool | str = False
    num_images: int = 4
    seed: int = 0
    tuned: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.model, str) or not self.model:
            raise ValueError(
                "model must be the name of a model or the path of a configuration file, got "
                f"{quoted(self.model)}"
            )
        for name in ("frequency", "space"):
            value = getattr(self, name)
            if not isinstance(value, bool | str) or value == "":
                raise ValueError(
                    f"{name} must be true, false or the path of a raw mask, got {quoted(value)}"
                )
        if not isinstance(self.tuned, bool):
            raise ValueError(f"tuned must be true or false, got {quoted(self.tuned)}")
        for name, value in {
            "num_steps": require_whole("the number of iterations", self.num_steps, 1),
            "alpha": require_alpha(self.alpha),
            "num_images": require_whole("the number of images", self.num_images, 1),
            "seed": require_whole("seed", self.seed, 0, MAX_SEED),
        }.items():
            object.__setattr__(self, name, value)

    @property
    def filtered(self) -> bool:
        """Return whether the other sampler differs from vanilla."""
        return self.tuned or bool(self.frequency) or bool(self.space)

    @property
    def method(self) -> str:
        """Return the name of the sampler beside vanilla, as within a sentence."""
        return "tuned" if self.tuned else "PDS"
