"""Measurement of a policy on tasks: sample, execute, and judge the generated tests by reference programs.

`engine.evaluation` turns the results into figures. No answer sampled here is ever trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.config import RolloutConfig
from engine.evaluate.recording import record_task
from engine.evaluate.task_result import judge_by_references, task_result
from engine.evaluation.metrics import summarise
from engine.evaluation.results import TaskResult
from engine.evaluation.summary import EvalSummary
from engine.problems import Problem
from engine.prompts import Role
from engine.rollouts.executing import Runner
from engine.rollouts.known import Known
from engine.rollouts.observer import RolloutObserver
from engine.rollouts.rollout import EncodePrompt, TaskRollouts, start_rollouts
from engine.runs.records import TaskRecord
from engine.sampling import Completion, Sampler
from engine.sandbox import Judging
from engine.solve.writers import Answer

CHUNK_TASKS = 16
"""Number of tasks sampled together; their programs are executed while the next chunk is sampled."""


def measure(
    problems: Sequence[Problem],
    encode: EncodePrompt,
    sampler: Sampler,
    executor: Runner,
    settings: RolloutConfig,
    judging: Judging,
    bon_sizes: Sequence[tuple[int, int]],
    seed: int,
    on_progress: Callable[[int], None] = lambda tasks_done: None,
    observer: RolloutObserver | None = None,
    *,
    in_thought: bool = False,
    known: Known | None = None,
    keep: Callable[[Sequence[TaskRecord]], None] = lambda records: None,
) -> EvalSummary:
    """Measure the sampler's policy on `problems`; the same weights and seed give the same figures.

    Generated tests are judged by the task's reference programs if it has any, else by the policy's own correct
    programs; the summary counts the tasks of either kind. on_progress: called before every chunk of tasks with the
    number of tasks sampled so far; may raise to abort. in_thought: prompts end within an open thought. known:
    answers of an evaluation that was broken off. keep: takes the records of all tasks, for an archive.
    """
    started = []
    for first in range(0, len(problems), CHUNK_TASKS):
        on_progress(first)
        chunk = problems[first : first + CHUNK_TASKS]
        started.append(
            start_rollouts(
                chunk, encode, sampler, executor, settings, judging, seed, observer, in_thought=in_thought, known=known
            )
        )  # fmt: skip
    rollouts = [task for chunk in started for task in chunk.collect()]
    references = [judge_by_references(task, executor) for task in rollouts]
    results = [
        task_result(
            task, judges, judging, [len(c.token_ids) for c in task.coder], [len(c.token_ids) for c in task.tester]
        )
        for task, judges in zip(rollouts, references, strict=True)
    ]
    keep([_record(task, result) for task, result in zip(rollouts, results, strict=True)])
    return summarise(results, bon_sizes, seed=0)


def _record(task: TaskRollouts, result: TaskResult) -> TaskRecord:
    return record_task(task, result, _answers(Role.CODER, task.coder), _answers(Role.TESTER, task.tester))


def _answers(role: Role, completions: Sequence[Completion]) -> list[Answer]:
    return [Answer("", role, each.index, each.text, 0, len(each.token_ids), each.finished) for each in completions]
