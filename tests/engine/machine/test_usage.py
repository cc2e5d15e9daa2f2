"""Use of the machine between two looks: shares within their bounds, the GPU as its samples say."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from engine.machine.nvml import CardUse, open_card
from engine.machine.usage import MachineUse

SECONDS = 60.0


def test_the_shares_are_those_of_the_time_between_two_looks(tmp_path: Path) -> None:
    use = MachineUse(tmp_path / "a run that is gone")
    figures = use.take()
    assert figures["machine_gpu"] is figures["machine_gpu_memory"] is figures["disk_free_gb"] is None
    before = time.process_time()
    while time.process_time() < before + 0.3:
        sum(range(1000))  # keeps a core busy
    share = MachineUse(tmp_path).take()["machine_cpu"]
    assert share is None or 0.0 <= share <= 1.0  # no time has passed since this one began
    busy, memory = (use.take()[name] for name in ("machine_cpu", "machine_memory"))
    assert busy is None or 0.0 <= busy <= 1.0
    assert memory is not None
    assert 0.0 < memory < 1.0
    free = MachineUse(tmp_path).take()["disk_free_gb"]
    assert free is not None
    assert free > 0


def test_the_gpu_is_sampled_until_it_is_closed_and_a_failed_look_does_not_count(tmp_path: Path) -> None:
    looks = [CardUse(1.0, 0.75), None, CardUse(0.5, 0.25)]
    seen_all = threading.Event()

    def look() -> CardUse | None:
        if not looks:
            seen_all.set()
            return None
        return looks.pop()

    use = MachineUse(tmp_path, look, seconds=0.01)
    assert seen_all.wait(SECONDS)
    use.close()
    figures = use.take()
    assert (figures["machine_gpu"], figures["machine_gpu_memory"]) == (0.75, 0.5)
    assert use.take()["machine_gpu"] is None


def test_a_card_that_is_not_there_has_no_use() -> None:
    assert open_card("GPU-no-such-card") is None
