"""GPU measurements on the CPU with tiny models: they are ready when there is a GPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

HERE = Path(__file__).parent


def report(script: str, *arguments: str) -> str:
    """Run the script and return its output for RESULTS.md."""
    command = [sys.executable, str(HERE / script), "--dry", *arguments]
    environment = dict(os.environ, OMP_NUM_THREADS="1")
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_update_is_measured_in_every_precision() -> None:
    text = report("update.py")
    for heading in (f"### {name}, {precision}" for name in ("qwen3-4b", "qwen2.5-7b") for precision in ("bf16", "nf4")):
        assert heading in text
    for row in ("| cure-tui |", "| shared_prompt |", "| padded |", "| tiled |", "| all logits |"):
        assert text.count(row) == 4


@pytest.mark.slow
def test_a_whole_step_is_measured() -> None:
    assert "| transformers | fp32 |" in report("step.py", "--samplers", "transformers")


@pytest.mark.slow
def test_a_nano_run_is_measured_from_beginning_to_end() -> None:
    text = report("nano.py")
    assert "| sampled tokens/s |" in text
    assert "held-out tasks | " in text


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_the_remedy_is_one_line() -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / "nano.py")], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "no CUDA GPU is available; --dry runs the script on the CPU\n"
