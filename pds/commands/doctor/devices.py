"""What computes: the cores that this process may use, and the GPUs."""

import math
import os
from pathlib import Path
from typing import Any

from pds.commands.doctor.section import Progress, Section, imported
from pds.limits import one_line

QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""CPU quota of a container under Linux: microseconds, or max, in a period."""

DRIVER = Path("/proc/driver/nvidia/version")
"""Exists on Linux if the driver of an NVIDIA card is loaded."""


def check(progress: Progress) -> Section:
    """Report cores, threads, precision and GPUs, each tried by a small product."""
    progress("devices")
    section = Section("devices", {"CPU_cores": cores()})
    torch, _ = imported("torch")
    if torch is None:
        return section
    facts, problems = section.facts, section.problems
    facts["CPU_threads"] = threads = torch.get_num_threads()
    if threads > 2 * cores():
        problems.append(
            f"torch has {threads} threads for {cores()} cores, which slows it down: set the "
            f"environment variable OMP_NUM_THREADS={cores()}"
        )
    facts["CPU_bfloat16"] = _bfloat16(torch)
    facts["CUDA"] = [_card(torch, index) for index in range(torch.cuda.device_count())]
    problems.extend(_card_problems(torch))
    facts["MPS"] = torch.backends.mps.is_available()
    try:
        facts["samples_on"] = list(_chosen())
    except ValueError as error:
        problems.append(f"{one_line(error)}; unset it to use what is there")
    return section


def cores() -> int:
    """Return the number of CPU cores that this process may use, >= 1."""
    affine = getattr(os, "sched_getaffinity", None)
    count = len(affine(0)) if affine else os.cpu_count() or 1
    try:
        quota, period = QUOTA.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return count
    return count if quota == "max" else max(1, min(count, math.ceil(int(quota) / int(period))))


def _bfloat16(torch: Any) -> str:
    from pds.scores.ncsnpp.precision import cpu_speed_up

    ratio = cpu_speed_up(torch.bfloat16)
    return f"works, {ratio:.1f} times as fast as float32" if ratio else "does not work"


def _card(torch: Any, index: int) -> str:
    card = torch.cuda.get_device_properties(index)
    memory = card.total_memory / 2**30
    return f"{card.name}, {memory:.0f} GiB, capability {card.major}.{card.minor}"


def _card_problems(torch: Any) -> list[str]:
    hidden = "CUDA_VISIBLE_DEVICES" in os.environ
    if DRIVER.exists() and not hidden and not torch.cuda.is_available():
        has = f"CUDA {torch.version.cuda}" if torch.version.cuda else "no CUDA"
        return [
            f"there is an NVIDIA driver, but torch, which is built with {has}, finds no card: "
            "install the torch that https://pytorch.org/get-started names for this driver, or set "
            "CUDA_VISIBLE_DEVICES= to use the CPU"
        ]
    tried = ((index, _failure(torch, index)) for index in range(torch.cuda.device_count()))
    return [
        f"cuda:{index} cannot compute ({reason}): install a torch that is built for this card, or "
        "name other devices in PDS_DEVICES"
        for index, reason in tried
        if reason
    ]


def _failure(torch: Any, index: int) -> str:
    """Return why a card cannot multiply, "" if it can."""
    try:
        ones = torch.ones(8, 8, device=f"cuda:{index}")
        return "" if float((ones @ ones).sum()) == 512 else "a product is wrong"
    except RuntimeError as error:
        return one_line(error)


def _chosen() -> tuple[str, ...]:
    from pds.serving.devices import devices

    return devices()
