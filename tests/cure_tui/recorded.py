"""Recorded runs: journal, archive and checkpoint events as an engine leaves them, all from one seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.evaluation.summary import Estimate, EvalSummary
from engine.runs.archive import ArchiveWriter
from engine.runs.folder import RunFolder
from engine.runs.journal import JournalWriter
from engine.runs.metrics import METRICS
from engine.runs.records import CellGrid, MatrixRecord, RolloutRecord, StepRecord, TaskRecord, TestRecord

TASKS, PROGRAMS, TESTS, TRUTHS = 2, 6, 5, 3
STARTED = 1_795_608_000.0
"""Noon of 25 November 2026, UTC."""
_OTHER_METRICS = dict.fromkeys(METRICS) | {
    "reward_precision": 0.8, "loss": 0.02, "ratio_mean": 1.01, "effective_sample_size": 0.98, "ratio_max": 1.6,
    "clip_share": 0.01, "importance_truncated": 0.0, "coder_entropy": 0.4, "tester_entropy": 0.6, "grad_norm": 0.7,
    "learning_rate": 1e-3, "nonfinite_updates": 0.0, "trained_samples": 18.0, "masked_samples": 1.0,
    "coder_usable_groups": 2.0, "tester_usable_groups": 1.0, "refilled_tasks": 1.0, "coder_distinct": 6.0,
    "tester_distinct": 4.5, "coder_length_mean": 22.5, "coder_length_max": 25.0, "tester_length_mean": 42.0,
    "tester_length_max": 44.0, "coder_truncated": 0.0, "tester_truncated": 0.1, "coder_rejected": 0.05,
    "tester_malformed": 0.2, "update_tokens_per_second": 900.0, "trained_tokens": 450.0, "executions_cached": 12.0,
    "executions_sticky": 1.0, "cells_lost": 0.0,
}  # fmt: skip
"""Metrics that stay as they are; memory, which a header shows, stays unknown."""


class Ticks:
    """Clock for reproducible journals: each call takes half a second."""

    def __init__(self, start: float) -> None:
        self._seconds = start

    def __call__(self) -> float:
        self._seconds += 0.5
        return self._seconds


def record_run(
    folder: RunFolder, steps: int = 5, *, planned: int | None = None, finish: bool = True, varied: bool = False
) -> None:
    """Record `steps` steps of 2 tasks x (6 programs + 5 tests), with evaluations at both ends.

    An unfinished run is sampling for the next of its `planned` steps. varied: no metric has a value twice.
    """
    rng = np.random.default_rng(7)
    journal_file = JournalWriter(folder.journal, clock=Ticks(0.0), now=Ticks(STARTED))
    with journal_file as journal, ArchiveWriter(folder.archive) as archive:
        journal.run_started(preset="nano", steps=planned or steps, seed=3)
        journal.sandbox(letter="B", summary="Landlock and seccomp", reasons=("bwrap is not installed",), remedy="apt")
        journal.evaluation(0, split="heldout", when="start", summary=_summary(0.4))
        for step in range(1, steps + 1):
            journal.phase_started(step, "sample", TASKS * (PROGRAMS + TESTS), "answers")
            archive.write_step(StepRecord(step, tuple(_task(step, number, rng) for number in range(TASKS))))
            metrics = {
                "code_accuracy": step / 10, "ut_accuracy": 0.3, "bon_accuracy": 0.5, "mu": 0.1 * step - 0.2,
                "kl": 0.01 * step, "coder_reward": 0.5, "tester_reward": -0.1, "p_u": 0.5, "p_01": 0.2, "p_00": 0.3,
                "tokens": 500.0, "tasks": float(TASKS), "tokens_per_second": 1000.0, "executions_total": 90.0 * step,
                "seconds": 2.0, "seconds_sample": 1.0, "seconds_execute_wait": 0.25, "seconds_update": 0.5,
            }  # fmt: skip
            written = _OTHER_METRICS | metrics
            if varied:
                noise = np.random.default_rng(step).uniform(0.5, 1.5, len(written))
                written = {name: value and value * by for (name, value), by in zip(written.items(), noise, strict=True)}
            journal.step_finished(step, written)
        journal.notice("KL is high", level="warning", step=steps)
        if finish:
            journal.evaluation(steps, split="heldout", when="end", summary=_summary(0.7))
            journal.run_finished(steps, {})
        elif steps < (planned or steps):
            journal.phase_started(steps + 1, "sample", TASKS * (PROGRAMS + TESTS), "answers")


def record_evaluations(folder: RunFolder, *steps: int, tasks: int = 5) -> None:
    """Record the answers of held-out evaluations of the policies of these steps: of 4 programs and 3 tests a task.

    Task 0 gets worse from one evaluation to the next, task 1 is never solved, the others get better.
    """
    with ArchiveWriter(folder.evaluation_archive("heldout")) as archive:
        for place, step in enumerate(steps):
            records = []
            for task in range(tasks):
                right = max(0, 3 - place) if task == 0 else 0 if task == 1 else min(4, 1 + place)
                coders = [
                    RolloutRecord("coder", at, float(at < right), 0.0, 20 + at, True, "ok",
                                  f"```python\nprint({step} + {task})\n```", f"print({step} + {task})")
                    for at in range(4)
                ]  # fmt: skip
                testers = [
                    RolloutRecord("tester", at, float(at == 0), 0.0, 40, True, "ok", f"**Test Input:**\n{at}")
                    for at in range(3)
                ]
                records.append(TaskRecord(f"held-{task:02d}", f"Held-out task {task}.", (*coders, *testers)))
            archive.write_step(StepRecord(step, tuple(records)))


def _summary(mean: float) -> dict[str, object]:
    figure = Estimate(mean, 0.01, mean - 0.02, mean + 0.02, TASKS)
    nothing = EvalSummary.from_json({}, strict=False)
    bon = {"4x4": figure, "16x16": figure}
    return replace(nothing, n_tasks=TASKS, code=figure, ut=figure, bon=bon).to_json()


def _task(step: int, number: int, rng: np.random.Generator) -> TaskRecord:
    truth, generated = (rng.random((PROGRAMS, columns)) < 0.6 for columns in (TRUTHS, TESTS))
    grids = [
        CellGrid(
            passed=passed,
            status=np.zeros(passed.shape, dtype=np.uint8),
            milliseconds=np.full(passed.shape, 3, dtype=np.uint32),
            outputs=tuple(tuple("4\n" if cell else "5\n" for cell in row) for row in passed),
        )
        for passed in (truth, generated)
    ]
    coders = [
        RolloutRecord("coder", at, float(truth[at].mean()), 0.0, 20 + at, True, "ok",
                      f"```python\nprint({step} + {at})\n```", f"print({step} + {at})")
        for at in range(PROGRAMS)
    ]  # fmt: skip
    testers = [
        RolloutRecord("tester", at, -0.5, 0.1, 40 + at, at != 0, "ok", f"**Test Input:**\n```\n{at}\n```")
        for at in range(TESTS)
    ]
    return TaskRecord(
        task=f"pair-{number:02d}-00-00",
        statement=f"Read a and b, task {number}.",
        rollouts=(*coders, *testers),
        truth_tests=tuple(TestRecord(f"{at} 1\n", "4\n") for at in range(TRUTHS)),
        generated_tests=tuple(TestRecord(f"{at} 2\n", "4\n", at) for at in range(TESTS)),
        matrix=MatrixRecord(*grids, correct_n=truth.all(axis=1)),
    )
