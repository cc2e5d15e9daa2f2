"""Held-out evaluation: per-task results in, accuracies with intervals out. Runs no model.

TaskResult, UtBasis, judge_tests_*      results.py    what one task's samples and verdicts amount to
Estimate, Bootstrap                     intervals.py  mean, standard error, 95 % interval over tasks
EvalSummary, summarise                  summary.py    the metrics over all tasks, to and from JSON
format_table                            table.py      start against end as plain text
"""

from engine.evaluation.intervals import Bootstrap, Estimate
from engine.evaluation.results import (
    TaskResult,
    UtBasis,
    judge_tests_by_own_correct,
    judge_tests_by_reference,
)
from engine.evaluation.summary import EvalSummary, summarise
from engine.evaluation.table import format_table

__all__ = [
    "Bootstrap",
    "Estimate",
    "EvalSummary",
    "TaskResult",
    "UtBasis",
    "format_table",
    "judge_tests_by_own_correct",
    "judge_tests_by_reference",
    "summarise",
]
