"""Fuzz of run folders in a small dose; `python -m tests.engine.runs.fuzz` runs 10,000 cases."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_no_mutated_run_folder_ends_in_a_traceback_a_hang_or_a_write_outside() -> None:
    command = [sys.executable, "-m", "tests.engine.runs.fuzz", "--seed", "7", "--seconds", "20", "--cases", "300"]
    ended = subprocess.run(
        [*command, "--dashboards", "3"], cwd=ROOT, capture_output=True, text=True, timeout=200, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert " 0 faults" in ended.stdout
