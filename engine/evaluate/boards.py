"""Boards of an evaluation's answers, as solving builds them, and the choices of selectors on their parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.evaluate.ways import SINGLE, Way
from engine.evaluation.report import Choice
from engine.prompts import Rejected
from engine.rollouts.executing import Runner, execute, inputs_of
from engine.rollouts.filling import FilledTask
from engine.sandbox import Judging, Outcome
from engine.solve.selectors import choose
from engine.solve.strategies.board import Board
from engine.solve.writers import Answer

Size = tuple[int, int]
Outcomes = Sequence[Mapping[str, Outcome]]
"""Outcomes of each program by input."""


def outcomes_of(task: FilledTask, runner: Runner) -> Outcomes:
    """Return what each program did on the generated tests and on the examples, which are executed now."""
    known: list[dict[str, Outcome]] = [
        {
            test.input: outcome
            for test, outcome in zip(task.tests, row, strict=True)
            if outcome is not None and not isinstance(test, Rejected)
        }
        for row in task.generated_outcomes
    ]
    examples = inputs_of(task.problem.public)
    runs = [
        execute(program, [text for text in examples if text not in row], runner, task.problem.time_limit)
        for program, row in zip(task.programs, known, strict=True)
    ]
    return [row | run.by_input() for row, run in zip(known, runs, strict=True)]


def board_of(task: FilledTask, outcomes: Outcomes, judging: Judging, programs: range, tests: range) -> Board:
    """Build the board of some of the programs and tests."""
    board = Board(task.problem.public, judging)
    for index in programs:
        board.add_program(task.programs[index], index)
    for index in tests:
        board.add_test(task.tests[index])
    for row, index in enumerate(programs):
        for stdin in board.inputs():
            if stdin in outcomes[index]:
                board.add_outcome(row, stdin, outcomes[index][stdin])
    return board


@dataclass(frozen=True)
class Sampled:
    """Answers of one task, in the order of their indices, and what their programs did."""

    task: FilledTask
    outcomes: Outcomes
    judging: Judging
    coder: Sequence[Answer]
    tester: Sequence[Answer]

    def choices(self, ways: Sequence[Way], sizes: Sequence[Size]) -> dict[str, dict[str, Choice]]:
        """Return what each way chooses at each size: shares over disjoint blocks, as best of n counts.

        One board of each block serves all ways.
        """
        matrix = self.task.matrix
        found: dict[str, dict[str, Choice]] = {way.name: {} for way in ways}
        for n, m in sizes:
            blocks = [
                (range(i * n, (i + 1) * n), range(i * m, (i + 1) * m))
                for i in range(min(len(self.coder) // n, len(self.tester) // m))
            ]
            boards = [board_of(self.task, self.outcomes, self.judging, *block).arrays() for block in blocks]
            for way in ways:
                if way.strategy.name == SINGLE:
                    found[way.name][f"{n}x{m}"] = self._single()
                    continue
                rows = [choose(board, way.selector) for board in boards]
                picks = [block[0][row or 0] for block, row in zip(blocks, rows, strict=True)]
                found[way.name][f"{n}x{m}"] = Choice(
                    _share(matrix.correct_n[picks], matrix.judged_n[picks]),
                    *(float(np.mean(each)) for each in zip(*(self._cost(*block) for block in blocks), strict=True)),
                )
        return found

    def _single(self) -> Choice:
        """Return the mean over single programs: each is a choice without tests."""
        matrix = self.task.matrix
        costs = [self._cost(range(index, index + 1), range(0)) for index in range(len(self.coder))]
        return Choice(
            _share(matrix.correct_n, matrix.judged_n), *(float(np.mean(each)) for each in zip(*costs, strict=True))
        )

    def _cost(self, programs: range, tests: range) -> tuple[int, int, int]:
        """Return the number of some answers, their tokens and those of their prompts."""
        answers = [*(self.coder[index] for index in programs), *(self.tester[index] for index in tests)]
        return (
            len(answers),
            sum(answer.tokens for answer in answers),
            sum(answer.prompt_tokens for answer in answers),
        )


def _share(correct: np.ndarray, judged: np.ndarray) -> float | None:
    return float(correct.sum() / judged.sum()) if judged.any() else None
