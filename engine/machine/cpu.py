"""CPU of this machine: whether it multiplies bf16, and the threads that sampling takes of it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16", "svebf16"})
"""Flags in /proc/cpuinfo, on x86 and on Arm, of CPUs with instructions that multiply bf16."""

SHARED_BELOW = 30_000_000
"""Parameters below which sampling takes half of the threads. The threads of a tiny model mostly wait for each other,
and the sandbox needs the cores as much. A second thread makes a model of 135 million 1.45 times as fast."""


@cache
def multiplies_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Return whether this CPU multiplies bf16: it samples in bf16 nearly twice as fast then, and slower otherwise."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.lower().startswith(("flags", "features"))), "")
    return not BF16_FLAGS.isdisjoint(flags.partition(":")[2].split())


def sampling_threads(chosen: int, parameters: int, available: int) -> int:
    """Return the threads of sampling: `chosen` (0: by the model's size) of `available` ones.

    A tiny model leaves half of the cores to the programs that run meanwhile.
    """
    if chosen:
        return min(chosen, available)
    return available if parameters >= SHARED_BELOW else max(1, available // 2)
