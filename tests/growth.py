"""Growth of this process at its peak, for bounds on memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def growth_mb(act: Callable[[], object]) -> float:
    """Return the megabytes that this process grows by at most while it acts."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew
    before = _peak_mb()
    act()
    return _peak_mb() - before


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
