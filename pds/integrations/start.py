"""The start of a sampler as the noise scale of a scheduler: pipelines draw it themselves.

A pipeline of diffusers begins with `noise * scheduler.init_noise_sigma`. `StartScale` is that
number; the product is M z with standard deviation sigma.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from torch import Tensor

PRODUCTS = frozenset({"mul", "mul_", "multiply", "multiply_"})
"""Names of the functions of torch that multiply."""


class StartScale(float):
    """A number whose product with a tensor z is sigma M z instead of sigma z.

    In every other operation it is the number.

    Args:
        sigma: the number.
        start: maps noise z times sigma (B, C, H, W) to the start.
    """

    start: Callable[[Tensor], Tensor]

    def __new__(cls, sigma: float, start: Callable[[Tensor], Tensor]) -> Self:
        number = super().__new__(cls, sigma)
        number.start = start
        return number

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        plain = [float(value) if isinstance(value, cls) else value for value in args]
        product = func(*plain, **(kwargs or {}))
        if func.__name__ not in PRODUCTS:
            return product
        (scale,) = [value for value in args if isinstance(value, cls)]
        return scale.start(product)
