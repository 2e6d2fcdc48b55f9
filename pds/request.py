"""The request: one description of a run for every interface.

The page, its address, the API, both command lines, the record in a PNG and Python code all describe
a run by a `Request`; equal requests give equal images. `pds.jobs.request_text` writes and reads its
text forms, `pds.jobs.hosting` says which requests a public page takes, `pds.models.Model` samples
it.
"""

from dataclasses import dataclass
from typing import Any

from pds.arms.names import Arm, labels, parse
from pds.limits import MAX_SEED, quoted, require_alpha, require_snr, require_whole


@dataclass(frozen=True)
class Request:
    """Everything that determines a comparison of two samplers.

    The sampler on the right has either a name, `right`, or is described by `alpha`, `frequency`,
    `space` and `tuned`. Where both forms describe the same use of the model's own filters, the
    request stores the second one, so that equal comparisons are equal requests.

    Creating a request opens no file. Only `pds.jobs`, for the command line, opens its paths.

    Args:
        model: a shipped model or a visitor's by its name, or the path of a configuration file.
        num_steps: N, iterations of a sampler without an N of its own, >= 1.
        alpha: strength of the filters, > 1; larger is weaker.
        frequency: whether M has the model's own frequency filter, or the path of another raw mask.
        space: the same for the space filter.
        num_images: images of each sampler, >= 1.
        seed: image i starts from seed + i; 0 to 2^31 - 1.
        tuned: instead of filters, the noise levels and the corrector's snr that are best for the
            model's spectrum at this N, see `pds.theory.tuned`; alpha, frequency and space then have
            no effect.
        left, right: names of `pds.arms.names`; "" on the right is the sampler that alpha,
            frequency, space and tuned describe.
        snr: of the corrector on both sides, > 0; None for the model's. Tuned has its own.
        corrector_steps: for each iteration on both sides, 0 for none; None for the model's.

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
    left: str = "vanilla"
    right: str = ""
    snr: float | None = None
    corrector_steps: int | None = None

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
            "left": _name(self.left, self.num_steps),
            "right": "" if self.right == "" else _name(self.right, self.num_steps),
            "snr": None if self.snr is None else require_snr(self.snr),
            "corrector_steps": _corrector_steps(self.corrector_steps),
        }.items():
            object.__setattr__(self, name, value)
        for name, value in self._described().items():
            object.__setattr__(self, name, value)

    def _described(self) -> dict[str, object]:
        """Return the fields that hold the sampler on the right in the form of the class."""
        if not self.right:
            return {}
        arm, plain = parse(self.right), dict(_PLAIN)
        if isinstance(self.frequency, str) or isinstance(self.space, str):
            # Either sampler may use the masks that these name.
            return {"alpha": plain["alpha"], "tuned": False}
        described = _DESCRIBED.get(arm.kind)
        if described is None or arm.num_steps is not None or arm.first is not None:
            return plain
        strength = {} if arm.strength is None else {"alpha": arm.strength}
        return {**plain, **described, **strength, "right": ""}

    @property
    def arms(self) -> tuple[Arm, Arm]:
        """The samplers on the left and on the right, each with its N."""
        right = parse(self.right) if self.right else self._right()
        return parse(self.left).at(self.num_steps), right.at(self.num_steps)

    def _right(self) -> Arm:
        """Return the sampler that the fields without a name describe."""
        if self.tuned:
            return Arm("tuned")
        chosen = bool(self.frequency), bool(self.space)
        kind = {(True, False): "pds", (True, True): "pds+space", (False, True): "space"}.get(chosen)
        return Arm(kind, self.alpha) if kind else Arm("vanilla")

    @property
    def alike(self) -> bool:
        """Whether both sides are the same sampler."""
        left, right = self.arms
        return left == right

    @property
    def filtered(self) -> bool:
        """Whether the sampler on the right differs from vanilla."""
        return self.arms[1].name != "vanilla"

    @property
    def labels(self) -> tuple[str, str]:
        """The names of the two samplers within a sentence."""
        return labels(*self.arms)

    @property
    def sides(self) -> tuple[str, str]:
        """The names of the two sides in files: of the samplers where no other ones are named."""
        return ("left", "right") if self.right or self.left != "vanilla" else ("vanilla", "pds")


_PLAIN: dict[str, Any] = {"alpha": 5.0, "frequency": True, "space": False, "tuned": False}
_DESCRIBED: dict[str, dict[str, Any]] = {
    "vanilla": {"frequency": False},
    "pds": {},
    "pds+space": {"space": True},
    "space": {"frequency": False, "space": True},
    "tuned": {"tuned": True},
}
"""The kinds that fields describe without a name, and what differs from `_PLAIN`."""


def _name(text: str, num_steps: int) -> str:
    """Return the name of a sampler in normal form, which must be one at N."""
    arm = parse(text)
    arm.at(num_steps)
    return str(arm)


def _corrector_steps(value: object) -> int | None:
    return None if value is None else require_whole("corrector_steps", value, 0)
