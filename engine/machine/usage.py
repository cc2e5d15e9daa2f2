"""Use of the machine while a run works: cores, memory, disk and GPU, other programs included."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import psutil

from engine.machine.cards import visible_cards
from engine.machine.nvml import CardUse, cards_and_driver, open_card

SAMPLE_SECONDS = 1.0
"""Between two looks at the GPU: its driver reports the use of its last second at most."""
_IDLE = ("idle", "iowait")
_COUNTED_IN_USER = ("guest", "guest_nice")
CardUsed = Callable[[], CardUse | None]


class MachineUse:
    """Meter of the machine's use; `take` returns the figures since the last call. A GPU is sampled by a thread."""

    def __init__(self, folder: Path, card: CardUsed | None = None, *, seconds: float = SAMPLE_SECONDS) -> None:
        """Begin to measure. folder: one on the disk whose free space counts; card: use of the GPU, None for no GPU."""
        self._seconds = seconds
        self._folder, self._card = folder, card
        self._cores = _core_seconds()
        self._samples: list[CardUse] = []
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        if card is not None:
            self._thread = threading.Thread(target=self._run, name="gpu-use", daemon=True)
            self._thread.start()

    @classmethod
    def of_this_process(cls, folder: Path) -> MachineUse:
        """Begin to measure; the GPU is the first that this process sees."""
        cards = visible_cards(cards_and_driver()[0], os.environ)
        return cls(folder, open_card(cards[0].uuid) if cards and cards[0].uuid else None)

    def take(self) -> dict[str, float | None]:
        """Return the figures by the names of `engine.runs.metrics`; None for one that this machine does not tell."""
        samples, self._samples = self._samples, []
        memory = psutil.virtual_memory()
        return {
            "machine_cpu": self._busy_share(),
            "machine_memory": 1.0 - memory.available / memory.total,
            "machine_gpu": fmean(each.busy for each in samples) if samples else None,
            "machine_gpu_memory": fmean(each.memory for each in samples) if samples else None,
            "disk_free_gb": self._disk_free_gb(),
        }

    def close(self) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _busy_share(self) -> float | None:
        """Return the share of all cores' time since the last call that some program used."""
        before, self._cores = self._cores, _core_seconds()
        busy, whole = self._cores[0] - before[0], self._cores[1] - before[1]
        return float(min(1.0, max(0.0, busy / whole))) if whole > 0 else None

    def _disk_free_gb(self) -> float | None:
        try:
            return float(psutil.disk_usage(str(self._folder)).free) / 2**30
        except OSError:
            return None

    def _run(self) -> None:
        assert self._card is not None
        while not self._over.wait(self._seconds):
            sample = self._card()
            if sample is not None:
                self._samples.append(sample)


def _core_seconds() -> tuple[float, float]:
    """Return the seconds that all cores have been busy, and all seconds of theirs, since the machine started."""
    times = psutil.cpu_times()._asdict()
    whole = sum(seconds for name, seconds in times.items() if name not in _COUNTED_IN_USER)
    return whole - sum(times.get(name, 0.0) for name in _IDLE), whole
