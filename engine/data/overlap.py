"""Overlap of training and evaluation: tasks that a model would have seen in training, however they are dressed.

Two tasks overlap if they share the id in the published set, the statement, most test inputs, or half of the words of a
statement in runs of SHINGLE words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.problems import Problem

SHINGLE = 13
"""Words of a run; chance repeats fewer."""

_CONTAINED = 0.5
_SHORTEST_STATEMENT = 3 * SHINGLE
"""Words below which runs tell nothing: short statements are made of the same phrases."""

_SHORTEST_INPUT = 12
"""Characters below which two tasks may have the same input by chance."""

_WORD = re.compile(r"\w+")
_GENERATED = "\n## Input and output of the program\n"


@dataclass(frozen=True, slots=True)
class Overlap:
    """Task of the training data that is one of the evaluation data, too, and by what."""

    trained: str
    evaluated: str
    by: Literal["id", "statement", "test inputs", "runs of words"]


def find_overlaps(training: Iterable[Problem], evaluation: Sequence[Problem]) -> list[Overlap]:
    """Return each task of `training` that is one of `evaluation`, with the surest sign. Streams the training data."""
    known = _Known(evaluation)
    return [found for problem in training if (found := known.find(problem)) is not None]


def own_statement(problem: Problem) -> str:
    """Return the statement without the section on input and output that a conversion writes, in plain words."""
    return " ".join(problem.statement.partition(_GENERATED)[0].split())


class _Known:
    """Signs by which the tasks of an evaluation are known."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self._names = [problem.id for problem in problems]
        self._ids: dict[str, int] = {}
        self._statements: dict[str, int] = {}
        self._inputs: dict[str, list[int]] = {}
        self._runs: dict[int, list[int]] = {}
        self._input_counts: list[int] = []
        self._run_counts: list[int] = []
        for place, problem in enumerate(problems):
            self._ids |= dict.fromkeys(filter(None, (problem.id, problem.source)), place)
            self._statements.setdefault(own_statement(problem), place)
            inputs, runs = _inputs(problem), _runs(problem)
            for text in inputs:
                self._inputs.setdefault(text, []).append(place)
            for run in runs:
                self._runs.setdefault(run, []).append(place)
            self._input_counts.append(len(inputs))
            self._run_counts.append(len(runs))

    def find(self, problem: Problem) -> Overlap | None:
        for name in (problem.id, problem.source):
            if name in self._ids:
                return Overlap(problem.id, self._names[self._ids[name]], "id")
        twin = self._statements.get(own_statement(problem))
        if twin is not None:
            return Overlap(problem.id, self._names[twin], "statement")
        inputs = _inputs(problem)
        shared = Counter(place for text in inputs for place in self._inputs.get(text, ()))
        for place, count in shared.most_common(1):
            if count >= 2 and count > _CONTAINED * min(len(inputs), self._input_counts[place]):
                return Overlap(problem.id, self._names[place], "test inputs")
        runs = _runs(problem)
        shared = Counter(place for run in runs for place in self._runs.get(run, ()))
        for place, count in shared.items():
            if count >= _CONTAINED * min(len(runs), self._run_counts[place]):
                return Overlap(problem.id, self._names[place], "runs of words")
        return None


def _inputs(problem: Problem) -> frozenset[str]:
    texts = (test.input.strip() for test in (*problem.public, *problem.hidden))
    return frozenset(text for text in texts if len(text) >= _SHORTEST_INPUT)


def _runs(problem: Problem) -> frozenset[int]:
    words = _WORD.findall(own_statement(problem).lower())
    if len(words) < _SHORTEST_STATEMENT:
        return frozenset()
    return frozenset(hash(tuple(words[at : at + SHINGLE])) for at in range(len(words) - SHINGLE + 1))
