"""Progress of a run: what a checkpoint holds beside the policy."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from engine.config import RolloutConfig
from engine.errors import DataError
from engine.evaluation.summary import EvalSummary
from engine.runs.checkpoints import PROGRESS, Checkpoint
from engine.runs.drift import KL_STEPS
from engine.runs.faults import damaged, run_faults
from engine.runs.files import read_file
from engine.runs.values import has_declared_types
from engine.train.curriculum import LengthStage
from engine.train.step import CoevolutionStep

_PROGRESS_BYTES = 1 << 20
_ROWS = ("recent_kl", "length_truncated", "rates", "sign_sums", "sign_squares", "measured", "measured_errors")


@dataclass(frozen=True)
class RunProgress:
    """State of a run in a checkpoint, without the policy.

    best_*: the trained step with the highest validation score so far. uncounted_seconds: work before new limits were
    given that `seconds` leaves out, such as the last evaluations of the former end. length_*: as in `LengthStage`.
    rates: as of `RateCounts.numbers`. sign_sums, sign_squares, measured, measured_errors: sums, counts and squares of
    the label signs since the last measurement, the measurements so far and their standard errors, as
    `engine.train.label_watch` packs them; earlier versions kept no squares and errors.
    """

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    best_step: int = 0
    best_score: float = -1.0
    evaluation_seconds: float = 0.0
    uncounted_seconds: float = 0.0
    trained_samples: int = 0
    heldout_start: dict[str, Any] | None = None
    recent_kl: tuple[float, ...] = ()
    length_number: int = 0
    length_steps: int = 0
    length_truncated: tuple[float, ...] = ()
    rates: tuple[float, ...] = ()
    sign_sums: tuple[float, ...] = ()
    sign_squares: tuple[float, ...] = ()
    measured: tuple[float, ...] = ()
    measured_errors: tuple[float, ...] = ()

    @property
    def length(self) -> LengthStage:
        return LengthStage(self.length_number, self.length_steps, self.length_truncated)

    def is_best(self, score: float) -> bool:
        """Tell whether a validation score is the best of a trained step. Earlier versions let step 0 compete."""
        return not self.best_step or score > self.best_score


def read_progress(saved: Checkpoint) -> RunProgress:
    """Read the progress in a checkpoint. Raises RunError if it is not one."""
    run, name = saved.path.parents[1], f"checkpoints/{saved.path.name}/{PROGRESS}"
    try:
        with run_faults(run):
            fields = json.loads(read_file(run, name, _PROGRESS_BYTES))
        fields.setdefault("trained_samples", fields["step"])  # of earlier versions, which did not count
        rows = {row: tuple(map(float, fields.get(row, ()))) for row in _ROWS}
        progress = RunProgress(**fields | rows)
        if not has_declared_types(progress) or progress.step != saved.step or progress.length_number < 0:
            raise ValueError("fields of other types")
        sizes = (len(progress.rates), 8), (len(progress.sign_sums), 8), (len(progress.sign_squares), 4)
        if any(size not in (0, whole) for size, whole in sizes) or len(progress.measured) % 4:
            raise ValueError("label signs of another number")
        if len(progress.measured_errors) % 4 or len(progress.measured_errors) > len(progress.measured):
            raise ValueError("label signs of another number")
        if progress.heldout_start is not None:
            EvalSummary.from_json(progress.heldout_start)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, DataError) as error:
        raise damaged(run, f"{name} holds no progress: {error}") from error
    return progress


def after_step(before: RunProgress, rollout: RolloutConfig, done: CoevolutionStep, seconds: float) -> RunProgress:
    """Return the progress after a step of a run whose full limits are those of `rollout`."""
    finished = [completion.finished for task in done.tasks for group in task.groups for completion in group.completions]
    length = before.length.after_step(rollout, 1.0 - sum(finished) / max(1, len(finished)))
    kl = done.update.kl
    return replace(
        before,
        step=done.step,
        seconds=seconds,
        tokens=before.tokens + done.sampling.tokens,
        trained_samples=before.trained_samples + done.update.samples,
        recent_kl=before.recent_kl if kl is None else (*before.recent_kl, kl)[-KL_STEPS:],
        length_number=length.number,
        length_steps=length.steps,
        length_truncated=length.truncated,
    )
