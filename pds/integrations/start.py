"""The start of a sampler as the noise scale of a scheduler: pipelines draw it themselves.

A pipeline of diffusers begins with `noise * scheduler.init_noise_sigma`. `StartScale` is that
number; the product is M z with standard deviation sigma.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

PRODUCTS = frozenset({"mul", "mul_", "multiply", "multiply_"})
"""Names of the functions of torch that multiply."""


class StartScale(float):
    """A number with which a product of a tensor is M z sigma, rather than z sigma.

    Everything else takes it for the number.

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


class LateStart(Tensor):
    """A start whose standard deviation is decided at its first use.

    `ScoreSdeVePipeline` draws its start before it tells the scheduler the number of iterations,
    which the highest noise level of a tuned sampler depends on.
    """

    noise: Tensor
    factor: Callable[[], float]

    @classmethod
    def of(cls, noise: Tensor, factor: Callable[[], float]) -> "LateStart":
        """Return noise (B, C, H, W) that is used as factor() times itself."""
        # The tensor itself is empty: what cannot be followed fails, rather than take other noise.
        start = torch.empty(0).as_subclass(cls)
        start.noise, start.factor = noise, factor
        return start

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is Tensor.to and isinstance(args[0], cls):
            return cls.of(args[0].noise.to(*args[1:], **(kwargs or {})), args[0].factor)
        plain, named = tree_map(
            lambda value: value.noise * value.factor() if isinstance(value, cls) else value,
            (args, kwargs or {}),
        )
        return func(*plain, **named)
