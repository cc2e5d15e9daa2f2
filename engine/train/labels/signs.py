"""Signs of drift in a step's rollouts: what the run presumes, and how alike its programs and tests have become."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from engine.evaluation.metrics import TRIVIAL_OUTPUTS
from engine.prompts import UnitTest
from engine.rollouts.rollout import TaskRollouts
from engine.train.labels.anchors import AnchorFigures
from engine.train.labels.consensus import output_rows
from engine.train.labels.source import LabelledTask

Signs = dict[str, float | None]


def label_signs(tasks: Sequence[LabelledTask], anchors: AnchorFigures | None) -> Signs:
    """Return the signs of a step by the names of metrics; None for what could not be measured."""
    presumed = _mean(map(presumed_share, tasks))
    code = anchors.code if anchors else None
    confirmed = [each.confirmed for each in tasks if each.confirmed is not None]
    judged = sum(total for _, total in confirmed)
    return {
        "presumed_accuracy": presumed,
        "anchor_code_accuracy": code,
        "anchor_ut_accuracy": anchors.ut if anchors else None,
        "presumed_gap": None if presumed is None or code is None else presumed - code,
        "presumed_precision": anchors.precision if anchors else None,
        "label_accuracy": sum(right for right, _ in confirmed) / judged if judged else None,
        "labelled_tasks": float(sum(each.coder_n is not None for each in tasks)),
        **{name: _mean(sign(each.rollouts) for each in tasks) for name, sign in _SIGNS.items()},
    }


def presumed_share(task: LabelledTask) -> float:
    """Return the share of a task's programs that its labels presume right, doubtful ones included."""
    return task.presumed.share if task.presumed is not None else float(task.rollouts.matrix.correct_n.mean())


def _output_rows(task: TaskRollouts) -> float:
    return float(len(set(output_rows(task)[~task.matrix.rejected_n].tolist())))


def _passed_by_all(task: TaskRollouts) -> float:
    """Return the share of tests that every program passes: they tell nothing apart."""
    programs = task.matrix.generated_nm[~task.matrix.rejected_n]
    return float(programs.all(axis=0).mean()) if programs.size else 0.0


def _trivial_tests(task: TaskRollouts) -> float:
    written = [(test.input.strip(), test.output.strip()) for test in task.tests if isinstance(test, UnitTest)]
    return sum(out in TRIVIAL_OUTPUTS or out == given for given, out in written) / max(1, len(task.tests))


def _distinct_inputs(task: TaskRollouts) -> float:
    return float(len({" ".join(test.input.split()) for test in task.tests if isinstance(test, UnitTest)}))


def _rank(task: TaskRollouts) -> float:
    return float(np.linalg.matrix_rank(task.matrix.generated_nm.astype(np.float64)))


_SIGNS: dict[str, Callable[[TaskRollouts], float]] = {
    "output_rows": _output_rows,
    "tests_passed_by_all": _passed_by_all,
    "trivial_tests": _trivial_tests,
    "distinct_inputs": _distinct_inputs,
    "matrix_rank": _rank,
}


def _mean(values: Iterable[float]) -> float | None:
    known = list(values)
    return sum(known) / len(known) if known else None
