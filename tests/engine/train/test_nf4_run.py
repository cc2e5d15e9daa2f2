"""Whole run on NF4 weights with 8-bit moments and recomputed layers, in the engine's own process, on the CPU."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.events import EventKind
from engine.runs.folder import RunFolder
from engine.runs.journal import read_journal

QLORA = (
    "policy.precision=nf4", "model.dtype=bf16", "policy.optimiser=adamw-8bit",
    "policy.checkpoint_activations=true", "run.steps=3", "run.max_minutes=0", "run.threads=1", "policy.warmup_steps=1",
    "rollout.tasks_per_step=3", "rollout.n_programs=6", "rollout.m_tests=8",
    "evaluation.heldout_tasks=2", "evaluation.validation_tasks=2", "evaluation.every_steps=0",
    "evaluation.n_programs=4", "evaluation.m_tests=4", "evaluation.bon_sizes=[[4, 4]]",
)  # fmt: skip


@pytest.mark.slow
def test_the_embedded_model_is_trained_in_nf4(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", dump_toml(load_preset("nano", QLORA)))
    command = [sys.executable, "-m", "engine.train", "--run-dir", str(folder.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    events = read_journal(folder.journal)
    assert events[-1].kind == EventKind.RUN_FINISHED
    steps = [event.data["metrics"] for event in events if event.kind == EventKind.STEP_FINISHED]
    assert len(steps) == 3
    assert steps[0]["kl"] == pytest.approx(0.0, abs=1e-6)
    assert steps[2]["kl"] > 1e-6
    for metrics in steps:
        assert metrics["trained_tokens"] > 0
        assert metrics["nonfinite_updates"] == 0
        assert metrics["loss"] is not None  # the journal writes NaN as null
        assert metrics["grad_norm"] > 0
        # The sampler computes with the trainer's very weights, 4 bits or not.
        assert metrics["ratio_mean"] == pytest.approx(1.0, abs=0.01)
