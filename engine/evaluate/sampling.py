"""Answers of an evaluation: those in its journal are taken from there, the missing ones are asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from engine.errors import RunError
from engine.evaluate.answers import AnswerJournal
from engine.evaluate.live import Wall
from engine.evaluate.parts import Part, place_and_part
from engine.evaluate.request import EvalRequest
from engine.evaluate.tasks import Task
from engine.evaluate.writing import Writers
from engine.problems import Problem
from engine.prompts.thoughts import closes_thought
from engine.rollouts.executing import Runner
from engine.solve.writers import Answer, Ask

_ANSWERS_AT_ONCE = 64
"""Answers asked for together under a budget, at least: with more, its end would leave more tasks unfinished."""


class Sampling:
    """Source of answers for the tasks of one evaluation. on_answer: called after each one."""

    def __init__(
        self,
        request: EvalRequest,
        parts: Sequence[Part],
        answers: AnswerJournal,
        writers: Writers,
        runner: Runner,
        wall: Wall,
        on_answer: Callable[[], None],
    ) -> None:
        self._request, self._parts, self._answers = request, {part.name: part for part in parts}, answers
        self._writers, self._runner, self._wall, self._on_answer = writers, runner, wall, on_answer
        self._thinking: set[str] = set()  # parts whose server's template opens a thought, unseen from here
        self._held: list[tuple[Task, Part, Answer, bool]] = []
        self.seconds = 0.0
        self.done = 0

    @property
    def answers_a_task(self) -> int:
        return sum(part.count for part in self._parts.values())

    def is_answered(self, problem: Problem) -> bool:
        """Tell whether all answers to a task are in the journal."""
        return all(key in self._answers for part in self._parts.values() for key in part.keys(problem, self._request))

    def fill(self, problems: Sequence[Problem]) -> list[Task]:
        """Return the tasks with their answers; `seconds` grows by what was waited for them.

        Where the writing was ended, tasks lack answers. Raises CureError: a writer's fault, a journal that cannot be
        written.
        """
        tasks = [self._task(problem) for problem in problems]
        for task in tasks:
            self._take_known(task)
        self._read_held()
        size = max(1, -(-_ANSWERS_AT_ONCE // self.answers_a_task)) if self._request.budget else len(tasks)
        for start in range(0, len(tasks), max(1, size)):
            self._write(tasks[start : start + size])
            if self._writers.ended:
                return tasks
        lacking = sum(not task.is_whole for task in tasks)
        if lacking:
            raise RunError(f"answers to {lacking} tasks have not come, and no fault was told", "try again")
        return tasks

    def _task(self, problem: Problem) -> Task:
        keys = {part.name: part.keys(problem, self._request) for part in self._parts.values()}
        return Task.new(problem, tuple(self._parts.values()), keys, self._runner)

    def _take_known(self, task: Task) -> None:
        for name, keys in task.keys.items():
            for key in keys:
                if key in self._answers:
                    self._take(task, self._parts[name], self._answers.get(key, ""), is_new=False)

    def _write(self, tasks: Sequence[Task]) -> None:
        asks = [ask for place, task in enumerate(tasks) for ask in self._missing(place, task)]
        if not asks:
            return
        self._wall.expect(tasks, tuple(self._parts.values()))
        answers = self._writers.write(asks)
        try:
            while True:
                since = time.monotonic()
                timed = next(answers, None)
                self.seconds += time.monotonic() - since
                if timed is None:
                    return
                answer, seconds = timed
                place, name = place_and_part(answer.ask_id)
                task, part = tasks[place], self._parts[name]
                self._answers.add(task.keys[name][answer.index], answer, seconds)
                self._take(task, part, answer, is_new=True)
        finally:
            answers.close()
            self._read_held()

    def _missing(self, place: int, task: Task) -> list[Ask]:
        return [
            part.ask(place, task.problem, self._request.seed, frozenset(task.answers[name]))
            for name, part in self._parts.items()
            if not task.has_all_of(name)
        ]

    def _take(self, task: Task, part: Part, answer: Answer, *, is_new: bool) -> None:
        """Count an answer and read it; one that a server's limit cut off is read when the others have come.

        By then these may have closed a thought that the server's template opens.
        """
        if closes_thought(answer.text):
            self._thinking.add(part.name)
        if part.model.spec.kind == "openai" and not answer.finished:
            self._held.append((task, part, answer, is_new))
        else:
            self._read(task, part, answer, is_new)
        self.done += 1
        self._on_answer()

    def _read_held(self) -> None:
        held, self._held = self._held, []
        for task, part, answer, is_new in held:
            self._read(task, part, answer, is_new)

    def _read(self, task: Task, part: Part, answer: Answer, is_new: bool) -> None:
        in_thought = answer.in_thought or (not answer.finished and part.name in self._thinking)
        found = task.take(part, answer, in_thought=in_thought)
        if is_new:
            self._wall.take(task, part, answer, found)
