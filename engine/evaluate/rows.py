"""Row of the report for one task, from its result; and the published script's counts beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from engine.evaluation.metrics import best_of_n_accuracy, consensus_accuracy, task_figures
from engine.evaluation.report import Spent, TaskRow
from engine.evaluation.results import TaskResult
from engine.evaluation.summary import UtBasis
from engine.reward.trust import trust
from engine.rollouts.filling import FilledTask
from engine.sandbox import Status
from engine.solve.writers import Answer

Size = tuple[int, int]


def curve_sizes(n: int, m: int, asked: Sequence[Size]) -> tuple[Size, ...]:
    """Return the sizes of best of n on the published curves, as far as they fit, and those asked for."""
    programs = [size for size in (2, 4, 8, 16) if size <= n]
    tests = [size for size in (1, 2, 4, 8, 16) if size <= m]
    return tuple(sorted({*asked, *((one, other) for one in programs for other in tests)}))


def task_row(
    task: FilledTask,
    result: TaskResult,
    coder: Sequence[Answer],
    tester: Sequence[Answer],
    sizes: Sequence[Size],
    spent: Spent,
    *,
    as_published: bool,
    references_passed: int,
) -> TaskRow:
    """Build the row of one task."""
    matrix, problem = result.matrix, task.problem
    timed_out = [
        any(outcome is not None and outcome.status is Status.TIME_LIMIT for outcome in row)
        for row in task.truth_outcomes
    ]
    figures = task_figures(result) | {
        "coder_truncated": _share(not answer.finished for answer in coder),
        "tester_truncated": _share(not answer.finished for answer in tester),
        "timeout_share": _share(timed_out),
    }
    bon, consensus = (
        {f"{n}x{m}": None if math.isnan(value := by(result, n, m)) else value for n, m in sizes}
        for by in (best_of_n_accuracy, consensus_accuracy)
    )
    return TaskRow(
        task=problem.id,
        programs=matrix.n_programs,
        tests=matrix.n_generated,
        judged=int(matrix.judged_n.sum()),
        correct=int(matrix.correct_n.sum()),
        figures=figures,
        bon=bon,
        consensus=consensus,
        published=published(result, sizes) if as_published else {},
        ut_basis=UtBasis(result.ut_basis),
        trust=trust(matrix),
        cluster=cluster_of(problem.source),
        released=problem.released,
        difficulty=problem.difficulty,
        references=min(1, len(problem.solutions)),
        references_passed=references_passed,
        spent=spent,
    )


def cluster_of(source: str) -> str:
    """Return the contest of a published id ("cf/852/A", "lcb/abc311_c"); "" where the id names none."""
    head, _, tail = source.rpartition("/")
    contest, _, letter = tail.rpartition("_")
    if "/" in head:
        return head
    return f"{head}/{contest}" if contest and len(letter) == 1 else ""


def published(result: TaskResult, sizes: Sequence[Size]) -> dict[str, tuple[float, float]]:
    """Count hits and totals as the published evaluation script does, from its description in CURE's repository.

    It leaves out a task without a program or without a test that can be read. A test is right if every correct program
    passes it; only tests that can be read count, on tasks with a correct program. Best of n takes the first n programs
    and the first m of these tests, by votes alone, and of ties the first.
    """
    matrix = result.matrix
    read_m = ~matrix.malformed_m
    if matrix.rejected_n.all() or not read_m.any():
        return {}
    correct_n, votes_nm = matrix.correct_n, matrix.generated_nm[:, read_m]
    found: dict[str, tuple[float, float]] = {"code": (float(correct_n.sum()), float(correct_n.size))}
    if correct_n.any():
        right = votes_nm[correct_n].all(axis=0)
        found["ut"] = (float(right.sum()), float(right.size))
    for n, m in sizes:
        picked = int(np.argmax(votes_nm[:n, :m].sum(axis=1)))
        found[f"bon {n}x{m}"] = (float(correct_n[picked]), 1.0)
    return found


def _share(flags: Iterable[bool]) -> float | None:
    values = list(flags)
    return sum(values) / len(values) if values else None
