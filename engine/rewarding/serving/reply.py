"""Replies with rewards, as JSON.

    {"tasks": [{"matrix": {"truth": [[true], [false]], "generated": [[true, false], [false, false]]},
                "rejected": [false, true], "malformed": [false, true], "right": [true, false],
                "rewards": {"coder": [1.0, 0.0], "tester": [1.0, -1.0]}}]}

matrix     a row for each program: its verdicts on the ground-truth tests and on the tester's, null without a verdict
rejected   answers without a program; malformed: answers without a test; both keep their row or column, of false
right      tests that every correct program passes; null where no verdict decides
rewards    R_s of each program and R_u of each test; tester is null where no program is correct
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.reward.pass_matrix import BoolArray
from engine.rewarding.rewarder import TaskRewards


def reply_of(tasks: Sequence[TaskRewards]) -> bytes:
    """Return the reply to a request of these tasks, in their order."""
    return json.dumps({"tasks": [_task(task) for task in tasks]}, separators=(",", ":")).encode()


def _task(task: TaskRewards) -> dict[str, Any]:
    matrix = task.matrix
    return {
        "matrix": {
            "truth": _verdicts(matrix.truth_nt, matrix.known_nt),
            "generated": _verdicts(matrix.generated_nm, matrix.known_nm),
        },
        "rejected": matrix.rejected_n.tolist(),
        "malformed": matrix.malformed_m.tolist(),
        "right": _verdicts(matrix.right_m, matrix.judged_m),
        "rewards": {
            "coder": task.coder_n.tolist(),
            "tester": None if task.tester_m is None else task.tester_m.tolist(),
        },
    }


def _verdicts(values: BoolArray, known: BoolArray) -> list[Any]:
    verdicts: list[Any] = np.where(known, values, None).tolist()  # type: ignore[call-overload]
    return verdicts
