"""Problems made of the rules: hidden tests that tell each task from all others, and disjoint splits.

No two tasks of the set answer alike: of tasks with the same answers on all probe inputs, only the first is kept. So no
held-out task is a task of the training set in other words. Beyond that, no other task's reference passes a task's
hidden tests: a program that solves the wrong task is never judged correct.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from engine.data.easy.rules import FORMS, RULES, Form, Rule
from engine.problems import IOExample, Problem

SEED = 20261129
HELDOUT_TASKS, VALIDATION_TASKS = 72, 24
PUBLIC_TESTS, HIDDEN_TESTS = 2, 8
_PROBES, _CANDIDATES = 400, 200
_BY_CHANCE = 3
_MOST_ALIKE = 4
"""Hidden tests with the same output, at most, where the inputs allow it: a constant passes no more than half."""


@dataclass(frozen=True)
class EasyTask:
    """Rule with values: one task."""

    rule: Rule
    values: tuple[Any, ...]

    @property
    def id(self) -> str:
        place = [rule for rule in RULES if rule.family == self.rule.family].index(self.rule)
        return f"easy-{self.rule.family}-{place:02d}-{self.rule.values.index(self.values)}"

    @property
    def statement(self) -> str:
        return f"{self.rule.form.opening} Print {self.rule.phrase.format(*self.values)}."

    @property
    def program(self) -> str:
        """Source of the reference program."""
        return f"{self.rule.form.parse}\nprint({self.rule.expression.format(*self.values)})\n"

    def answer(self, text: str) -> str:
        """Return what the reference program prints for one line of input, without the newline."""
        return _answer(self.program, text)


@cache
def _compiled(source: str) -> Any:
    return compile(source, "<reference>", "exec")


@cache
def _answer(source: str, text: str) -> str:
    printed: list[str] = []
    exec(_compiled(source), {"input": lambda: text, "print": lambda value: printed.append(str(value))})
    return printed[0]


def make_splits() -> dict[str, list[Problem]]:
    """Return the problems of the splits train, validation and heldout. Deterministic."""
    distinct = [task for form in FORMS for task in distinct_tasks(form)]
    rivals = {form.name: [task for task in distinct if task.rule.form is form] for form in FORMS}
    random.Random(SEED).shuffle(distinct)
    end = HELDOUT_TASKS + VALIDATION_TASKS
    parts = {"heldout": distinct[:HELDOUT_TASKS], "validation": distinct[HELDOUT_TASKS:end], "train": distinct[end:]}
    return {
        split: [to_problem(task, rivals[task.rule.form.name], split) for task in tasks]
        for split, tasks in parts.items()
    }


def distinct_tasks(form: Form) -> list[EasyTask]:
    """Return the tasks of one form of input, without those that answer all inputs like an earlier one."""
    rng = random.Random(f"{SEED} {form.name}")
    inputs = list(dict.fromkeys(form.draw(rng) for _ in range(_PROBES)))
    first: dict[tuple[str, ...], EasyTask] = {}
    for task in _tasks(form):
        first.setdefault(tuple(task.answer(text) for text in inputs), task)
    return list(first.values())


def to_problem(task: EasyTask, rivals: Sequence[EasyTask], split: str) -> Problem:
    """Turn a task into a problem whose hidden tests all `rivals` fail, the task itself left out.

    Raises ValueError where some rival passes them all.
    """
    rng = random.Random(f"{SEED} tests {task.id}")  # inputs of its own: tasks that share most inputs look like one
    inputs = list(dict.fromkeys(task.rule.form.draw(rng) for _ in range(_CANDIDATES)))
    others = {rival.id: rival for rival in rivals if rival.id != task.id}
    hidden = _telling_inputs(task, others, inputs)
    public = [text for text in inputs if text not in hidden][:PUBLIC_TESTS]
    return Problem(
        id=task.id,
        statement=task.statement,
        public=tuple(_example(task, text) for text in public),
        hidden=tuple(_example(task, text) for text in hidden),
        time_limit=1.0,
        difficulty="easy",
        dataset=f"easy/{split}",
        solutions=(task.program,),
    )


def _telling_inputs(task: EasyTask, rivals: Mapping[str, EasyTask], inputs: Sequence[str]) -> list[str]:
    """Choose HIDDEN_TESTS inputs: some by chance, then each the one that most of the rivals so far answer otherwise."""
    chosen: list[str] = []
    outputs: Counter[str] = Counter()
    alive = dict(rivals)

    def told_apart(text: str) -> int:
        return sum(rival.answer(text) != task.answer(text) for rival in alive.values())

    while len(chosen) < HIDDEN_TESTS:
        free = [text for text in inputs if text not in chosen]
        varied = [text for text in free if outputs[task.answer(text)] < _MOST_ALIKE] or free
        # By chance at first, or tasks with the same rivals would get the same inputs.
        best = varied[0] if len(chosen) < _BY_CHANCE else max(varied, key=told_apart)
        chosen.append(best)
        outputs[task.answer(best)] += 1
        alive = {name: rival for name, rival in alive.items() if rival.answer(best) == task.answer(best)}
    if alive:
        raise ValueError(f"{task.id}: the tests do not tell it from {', '.join(alive)}")
    return chosen


def _example(task: EasyTask, text: str) -> IOExample:
    return IOExample(f"{text}\n", f"{task.answer(text)}\n")


def _tasks(form: Form) -> Iterator[EasyTask]:
    for rule in RULES:
        if rule.form is form:
            yield from (EasyTask(rule, values) for values in rule.values)
