"""Small steps for the tests of the archive."""

from __future__ import annotations

from dataclasses import replace

from engine.runs.records import RolloutRecord, StepRecord, TaskRecord


def rollout(text: str, **fields: object) -> RolloutRecord:
    plain = RolloutRecord("coder", 0, 0.0, 0.0, 1, True, "ok", text)
    return replace(plain, **fields)  # type: ignore[arg-type]


def step_of(step: int, *rollouts: RolloutRecord) -> StepRecord:
    return StepRecord(step, (TaskRecord("task", "statement", rollouts),))
