"""Precisions of the network: float32, TF32 and bfloat16, their times and their errors.

TF32 is how a GPU multiplies float32 faster, with 10 bits of fraction in the factors. The page turns
it on, and so do all benchmarks.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor

from pds.bench import subjects
from pds.bench.rows import Row, guarded, skipped
from pds.bench.timing import Effort, single, versus
from pds.models import default_device
from pds.sampling import ScoreFn
from pds.scores.ncsnpp import NetworkScore, precision

TF32 = "TF32"
NO_TF32 = "only a GPU has TF32"


@contextmanager
def float32_products(*, tf32: bool) -> Iterator[None]:
    """Compute products and convolutions of float32 in TF32 or in full, then as before.

    `torch.backends.cuda.matmul.allow_tf32` must not be set beside this: the compiler, which reads
    the precision, then raises a RuntimeError.
    """
    kept = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    _set("high" if tf32 else "highest", tf32)
    try:
        yield
    finally:
        _set(*kept)


def as_the_page() -> AbstractContextManager[None]:
    """Compute float32 as the page does: in TF32 on a GPU."""
    return float32_products(tf32=True) if subjects.ON_GPU else nullcontext()


def _set(products: str, tf32: bool) -> None:
    torch.set_float32_matmul_precision(products)
    torch.backends.cudnn.allow_tf32 = tf32


def rows(effort: Effort) -> Iterator[Row]:
    """Yield float32 / TF32 and float32 / bf16, and the largest errors on the trained network."""
    score = subjects.embedded_network()
    yield from _rows("precision, embedded network, batch 8", score, 8, effort, trained=True)
    if subjects.ON_GPU and not effort.quick:
        yield from _rows("precision, embedded network, batch 512", score, 512, effort)
        for name, batch in (("FFHQ", 1), ("church", 8)):
            card = subjects.card(f"{name.lower()}_ncsnpp_continuous")
            title = f"precision, {name} {card.network.image_size} px, batch {batch}"
            random = subjects.with_random_weights(card)
            yield from guarded(title, _rows(title, random, batch, effort))


def _rows(
    title: str, score: NetworkScore, batch: int, effort: Effort, *, trained: bool = False
) -> Iterator[Row]:
    x, t = noisy(score, batch)
    full = _in_float32(score, tf32=False)
    for lower in (TF32, "bf16"):
        what = f"a network call: float32 / {lower}"
        if (why := _missing(lower)) is not None:
            yield skipped(title, what, why)
            continue
        call = _lower(score, lower)
        yield Row(title, what, versus(lambda: full(x, t), lambda c=call: c(x, t), effort))  # type: ignore[misc]
        if trained:
            error = largest_difference(call(x, t), full(x, t))
            what = f"largest error of {lower}, relative to the image's largest score"
            note = "images at all noise levels, against float32"
            yield Row(title, what, single(100 * error, "%"), note=note)


def _missing(lower: str) -> str | None:
    """Return why this device has no such precision, if so."""
    if lower == TF32:
        return None if subjects.ON_GPU else NO_TF32
    try:
        precision.require_precision(torch.device(default_device()), torch.bfloat16)
    except ValueError as error:
        return str(error)
    return None


def _lower(score: NetworkScore, name: str) -> ScoreFn:
    if name == TF32:
        return _in_float32(score, tf32=True)
    return torch.no_grad()(score.in_precision(torch.bfloat16))


def _in_float32(score: ScoreFn, *, tf32: bool) -> ScoreFn:
    @torch.no_grad()
    def call(x: Tensor, t: Tensor) -> Tensor:
        # On a CPU, "high" may choose another kernel for products.
        with float32_products(tf32=tf32) if subjects.ON_GPU else nullcontext():
            return score(x, t)

    return call


def noisy(score: NetworkScore, batch: int) -> tuple[Tensor, Tensor]:
    """Return gray images with the noise of levels from the highest to nearly the lowest."""
    z, _ = subjects.batch(score, batch)
    t = torch.linspace(1.0, 0.05, batch, device=z.device)
    std = score.sde.marginal(t).std.reshape(-1, 1, 1, 1)
    return 0.5 + std.to(z) * z, t


def largest_difference(a: Tensor, b: Tensor) -> float:
    """Return max |a - b| / max |b| of the image where it is largest."""
    difference, scale = ((v.abs().flatten(1).amax(1)) for v in (a - b, b))
    return float((difference / scale).max())
