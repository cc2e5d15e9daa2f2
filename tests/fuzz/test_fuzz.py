"""Fuzz in a small dose; `python -m tests.fuzz` runs 10,000 cases."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_nothing_that_others_have_made_ends_in_a_traceback_a_hang_or_a_write_outside(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz", "--seed", "7", "--seconds", "15", "--cases", "60"]
    ended = subprocess.run(
        [*command, "--save", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=280, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert " 0 faults" in ended.stdout
