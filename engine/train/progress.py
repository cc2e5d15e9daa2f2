"""Progress of a run: what a checkpoint holds beside the policy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from engine.errors import DataError
from engine.evaluation.summary import EvalSummary
from engine.runs.checkpoints import PROGRESS, Checkpoint
from engine.runs.faults import damaged, run_faults
from engine.runs.files import read_file
from engine.runs.values import has_declared_types

_PROGRESS_BYTES = 1 << 20


@dataclass(frozen=True)
class RunProgress:
    """State of a run in a checkpoint, without the policy.

    best_*: the trained step with the highest validation score so far. uncounted_seconds: work before new limits were
    given that `seconds` leaves out, such as the last evaluations of the former end.
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
        progress = RunProgress(**fields | {"recent_kl": tuple(map(float, fields["recent_kl"]))})
        if not has_declared_types(progress) or progress.step != saved.step:
            raise ValueError("fields of other types")
        if progress.heldout_start is not None:
            EvalSummary.from_json(progress.heldout_start)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, DataError) as error:
        raise damaged(run, f"{name} holds no progress: {error}") from error
    return progress
