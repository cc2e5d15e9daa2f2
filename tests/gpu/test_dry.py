"""The first day on a card, on the CPU with tiny models: it is ready when there is a GPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from engine.sampling.vllm.compat import installed_version
from tests.gpu.first_day import PARTS, Outcome, Part, options, run_part, whole_day

SCRIPT = Path(__file__).parent / "first_day.py"


def report(part: str, *arguments: str) -> str:
    """Run one part and return its output for RESULTS.md."""
    command = [sys.executable, str(SCRIPT), "--dry", "--only", part, *arguments]
    environment = dict(os.environ, OMP_NUM_THREADS="1")
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("## First day: dry run on a CPU, figures without meaning\n")
    return done.stdout


@pytest.mark.slow
def test_the_installation_is_checked_by_use() -> None:
    text = report("install")
    assert "- `nano`: runs here\n" in text
    assert "- `qwen3-4b`: no CUDA GPU: use a machine" in text
    for row in ("torch: a product in bf16", "kernels of packed attention", "bitsandbytes: NF4 and back"):
        assert any(line.startswith(f"| {row}") and "| yes |" in line for line in text.splitlines())


@pytest.mark.slow
def test_the_update_is_measured_in_every_precision() -> None:
    text = report("update", "--models", "qwen3-4b", "qwen2.5-7b")
    for name in ("qwen3-4b", "qwen2.5-7b"):
        for precision in ("bf16", "nf4"):
            assert f"#### {name}, {precision}" in text
    for row in ("| cure-tui |", "| shared_prompt |", "| padded |", "| tiled |", "| all logits |"):
        assert text.count(row) == 4


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_whole_step_is_measured_with_every_sampler_that_is_here() -> None:
    text = report("step")
    assert "| transformers | fp32 |" in text
    if installed_version() is None:
        assert "vLLM is not installed: left out." in text
    else:
        assert all(f"| vllm, sleep level {level} | fp32 |" in text for level in (0, 1))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_sleep_level_is_measured() -> None:
    text = report("sleep", "--sleep-levels", "0", "1", "2")
    if installed_version() is None:
        assert "vLLM is not installed: left out." in text
    else:
        rows = [line for line in text.splitlines() if line.startswith(("| 0 |", "| 1 |", "| 2 |"))]
        assert len(rows) == 3
        assert all("| same |" in row for row in rows)


@pytest.mark.slow
def test_a_nano_run_is_measured_from_beginning_to_end() -> None:
    text = report("nano")
    assert "| sampled tokens/s |" in text
    assert "held-out tasks | " in text


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_the_remedy_is_one_line() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert done.stderr == "no CUDA GPU is available; --dry runs this on the CPU\n"


def test_a_part_that_fails_or_takes_too_long_keeps_what_it_found_and_the_others_run(tmp_path: Path) -> None:
    results = tmp_path / "RESULTS.md"
    results.write_text("# Measurements\n\nEarlier ones.\n")
    scripted = {
        "sleep": Outcome("| 1 |", "its 3.0 minutes are up"),
        "step": Outcome("", "status 1\n\n    out of memory"),
    }
    seen: list[str] = []

    def run(part: Part, words: list[str], seconds: float) -> Outcome:
        assert 0 < seconds <= 60 * 15
        seen.append(results.read_text())
        return scripted.get(part.name, Outcome(f"| figures of {part.name} |\n"))

    assert not whole_day(options().parse_args(["--results", str(results)]), [], "today, a card", run)
    text = results.read_text()
    assert text.startswith("# Measurements\n\nEarlier ones.\n\n## First day: today, a card\n")
    assert [line for line in text.splitlines() if line.startswith("### ")] == [f"### {part.title}" for part in PARTS]
    assert "| 1 |\n\n**Ended early:** its 3.0 minutes are up\n" in text
    assert "    out of memory\n" in text
    assert "| figures of nano |\n" in text
    assert "| figures of install |" in seen[1]  # written after each part
    assert whole_day(options().parse_args(["--results", str(results), "--only", "nano"]), [], "again", run)
    assert results.read_text().count("## First day: ") == 2


def test_when_the_time_is_up_the_rest_is_left_out_and_named(tmp_path: Path) -> None:
    arguments = options().parse_args(["--results", str(tmp_path / "new.md"), "--minutes", "0"])
    assert not whole_day(arguments, [], "today", lambda part, words, seconds: pytest.fail("no time is left"))
    assert (tmp_path / "new.md").read_text().count("left out: the 0 minutes are up; `--only ") == len(PARTS)


def test_a_part_is_ended_with_its_children_when_its_time_is_up() -> None:
    outcome = run_part(PARTS[-1], ["--dry"], seconds=0.5)
    assert outcome.fault.startswith("its 0.0 minutes are up")


def test_all_parts_fit_into_the_time_of_the_day() -> None:
    assert sum(part.minutes for part in PARTS) <= options().parse_args([]).minutes
