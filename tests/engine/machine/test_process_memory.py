"""Objects frozen out of the garbage collector: released all the same once they are unused."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

from engine.machine.process_memory import grows_without_cycles, release

ROOT = Path(__file__).resolve().parents[2]
CYCLE = """
from engine.machine.process_memory import grows_without_cycles
class Knot:
    def __init__(self): self.own = self
    def __del__(self): print("taken down", flush=True)
with grows_without_cycles():
    Knot()
print("the end")
"""


def test_the_collector_is_off_in_the_block_and_on_after_it() -> None:
    kept = gc.get_freeze_count()
    with grows_without_cycles():
        assert not gc.isenabled()
        with grows_without_cycles():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > kept
    release()
    assert gc.get_freeze_count() == 0


def test_what_was_kept_is_taken_down_when_the_process_ends() -> None:
    done = subprocess.run([sys.executable, "-c", CYCLE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n") == ["the end", "taken down", ""]
