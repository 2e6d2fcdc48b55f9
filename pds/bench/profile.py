"""Where the time of one iteration goes, by kind of operator.

The time of an operator excludes that of the operators that it calls. Resampling is recognized by
its call site: it consists of sums and slices, which other parts of the network use too.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from torch.autograd import DeviceType  # type: ignore[attr-defined]
from torch.overrides import TorchFunctionMode
from torch.profiler import ProfilerActivity, profile, record_function

from pds.bench import subjects
from pds.bench.timing import synchronize
from pds.scores.ncsnpp import resampling

KINDS = {
    "convolution": ("conv",),
    "group norm": ("group_norm",),
    "attention": ("softmax", "bmm", "attention", "einsum"),
    "activation": ("silu", "sigmoid"),
    "FFT": ("fft",),
    "copies": ("copy_", "cat", "clone", "contiguous", "_to_copy", "stack"),
}
"""Parts of operators' names; the first kind that fits counts."""
RESAMPLING, OTHER = "resampling", "other"


def tables() -> str:
    """Return the table for the embedded network, 4 images, and for church 256 px, 1 image."""
    model = subjects.embedded()
    shape, m = (4, *model.image_shape), subjects.published_m(model)
    small = subjects.batcher(model.score, subjects.run(model.sde, shape, [m]))
    church = subjects.with_random_weights(subjects.card("church_ncsnpp_continuous"))
    run = subjects.run(church.sde, (1, 3, 256, 256), [subjects.natural_filter(256)])
    batchers = {
        "embedded network, 4 images": small,
        "church 256 px, 1 image": subjects.batcher(church, run),
    }
    return "\n\n".join(
        layer_table(name, by_kind(partial(subjects.iterate, batcher)))
        for name, batcher in batchers.items()
    )


def layer_table(name: str, spent: Mapping[str, float]) -> str:
    """Return milliseconds and shares, the largest first."""
    total = sum(spent.values())
    lines = [f"one iteration with PDS, {name}: {1e3 * total:.1f} ms in operators"]
    for kind, time in sorted(spent.items(), key=lambda item: -item[1]):
        lines.append(f"{kind:<12} {1e3 * time:>9.2f} ms {100 * time / total:>6.1f} %")
    return "\n".join(lines)


def by_kind(work: Callable[[], object]) -> dict[str, float]:
    """Return the seconds that `work` spends in each kind of operator, warmed up once."""
    work()
    activities = [ProfilerActivity.CPU]
    if subjects.ON_GPU:
        activities.append(ProfilerActivity.CUDA)
    with profile(activities=activities, acc_events=True) as profiler, _Resampling():
        work()
        synchronize()
    return sums(profiler.events() or ())


def sums(events: Iterable[Any]) -> dict[str, float]:
    """Return the seconds of each kind of operator on the device of the work."""
    spent = dict.fromkeys([*KINDS, RESAMPLING, OTHER], 0.0)
    totals: Counter[str] = Counter(spent)
    for event in events:
        # The kernels of a GPU are events of their own, too; here their operators count.
        if event.device_type == DeviceType.CPU:
            micros = event.self_device_time_total if subjects.ON_GPU else event.self_cpu_time_total
            totals[kind(event)] += micros / 1e6
    return dict(totals)


def kind(event: Any) -> str:
    """Return the kind of an operator as the profiler recorded it."""
    if _inside_resampling(event):
        return RESAMPLING
    fitting = (n for n, parts in KINDS.items() if any(part in event.name for part in parts))
    return next(fitting, OTHER)


def _inside_resampling(event: Any) -> bool:
    while event is not None:
        if event.name == RESAMPLING:
            return True
        event = event.cpu_parent
    return False


class _Resampling(TorchFunctionMode):
    """Marks every call of a torch function from `pds.scores.ncsnpp.resampling`."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        caller = sys._getframe(1)
        while caller.f_back is not None and "/torch/" in caller.f_code.co_filename:
            caller = caller.f_back
        code = caller.f_code
        # `forward` in that file is FIRConv's, which counts as a convolution.
        if code.co_filename != resampling.__file__ or code.co_name == "forward":
            return func(*args, **(kwargs or {}))
        with record_function(RESAMPLING):
            return func(*args, **(kwargs or {}))
