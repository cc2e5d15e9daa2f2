"""Whole run of the real engine with vLLM as its sampler: swaps, a restart, a one-line fault, a resume."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from engine.runs.events import EventKind
from engine.runs.folder import RunFolder
from engine.runs.journal import read_journal
from engine.runs.live import LiveReader
from tests.cure_tui.command_line import ROOT, Cli
from tests.engine.train.test_training_run import engine, make_run, metrics_by_step, run_to_end

STEPS = 3
SETTINGS = (
    'rollout.sampler="vllm"', "vllm.restarts=1", f"run.steps={STEPS}", "evaluation.every_steps=0",
    "rollout.n_programs=6", "rollout.m_tests=6",
)  # fmt: skip


@pytest.mark.timeout(900)
def test_a_run_outlives_one_loss_of_vllm_ends_in_one_line_at_the_second_and_is_resumed(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", *SETTINGS)
    process = engine(folder)

    _kill_vllm_while_sampling(folder, 1, process)
    _wait_until(lambda: 1 in metrics_by_step(folder), process)
    assert "vLLM was lost (killed by SIGKILL); restart 1 of 1" in notices(folder)
    assert metrics_by_step(folder)[1]["sampler_restarts"] == 1

    _kill_vllm_while_sampling(folder, 2, process)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 6
    assert errors.count("\n") == 1
    assert "vLLM was lost 2 times in this run" in errors
    assert "resume the run" in errors
    last = read_journal(folder.journal)[-1]
    assert last.kind == EventKind.RUN_FAILED
    assert "vLLM was lost 2 times in this run" in last.data["error"]

    assert run_to_end(folder) == (0, "")
    assert read_journal(folder.journal)[-1].kind == EventKind.RUN_FINISHED
    metrics = all_metrics(folder)
    assert sorted(metrics) == list(range(1, STEPS + 1))
    for step in metrics.values():
        assert step["seconds_swap"] > 0.0
        assert abs(step["ratio_mean"] - 1.0) < 1e-3  # what was sampled from is what was trained
    assert metrics[STEPS]["kl"] > 1e-6  # and it is no longer the base
    check_solving_with(folder, tmp_path)


def check_solving_with(run: RunFolder, folder: Path) -> None:
    """Solve with the run's adapter as coder and the base model as tester, each in a vLLM of its own."""
    cli = Cli.below(folder)
    base = folder / "base.toml"
    base.write_text('extends = "nano"\n[rollout]\nsampler = "vllm"\n')
    done = cli(
        "solve", str(ROOT / "assets/problems/multiples-of-three.md"), "--json", "-n", "4", "-m", "4",
        "--coder", f"run:{run.path}", "--tester", str(base), "--strategy", "codet", timeout=240,
    )  # fmt: skip
    assert done.returncode in (0, 3, 4), done.stderr
    evidence = json.loads(done.stdout)
    assert (len(evidence["candidates"]), len(evidence["tests"]) + evidence["malformed_tests"]) == (4, 4)
    assert any(candidate["source"] for candidate in evidence["candidates"])
    assert (folder / "home" / "vllm-of-solve.log").exists()


def notices(folder: RunFolder) -> list[str]:
    return [event.data["text"] for event in read_journal(folder.journal) if event.kind == EventKind.NOTICE]


def all_metrics(folder: RunFolder) -> dict[int, dict[str, float]]:
    return {e.step: e.data["metrics"] for e in read_journal(folder.journal) if e.kind == EventKind.STEP_FINISHED}


def _kill_vllm_while_sampling(folder: RunFolder, step: int, process: subprocess.Popen[str]) -> None:
    live = LiveReader(folder.live)

    def samples() -> bool:
        begun = any(
            event.kind == EventKind.PHASE_STARTED and event.step == step and event.data["phase"] == "sample"
            for event in read_journal(folder.journal)
        )
        view = live.read()
        return begun and view is not None and view.phase == "sample" and 0 < view.done < view.total

    _wait_until(samples, process)
    (worker,) = (
        child for child in psutil.Process(process.pid).children() if "engine.sampling.vllm.worker" in child.cmdline()
    )
    os.kill(worker.pid, signal.SIGKILL)


def _wait_until(condition: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 200.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, f"the engine ended early: {process.communicate()}"
        assert time.monotonic() < deadline, "the engine did not get that far"
        time.sleep(0.02)
