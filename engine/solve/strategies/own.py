"""Test of the user's own program: a board with one row, which no model has written."""

from __future__ import annotations

from typing import Any

from engine.prompts import Program
from engine.runs.records import MAX_OUTPUT_CHARS
from engine.sandbox import Outcome, Status
from engine.solve.strategies.bench import Bench
from engine.solve.strategies.board import Board, TestCase
from engine.solve.strategies.evidence import Solution, conclude
from engine.solve.strategies.gathering import Gathering

_ERROR_CHARACTERS = 300


class OwnProgram:
    """Strategy without a coder: judges a given program by the examples and by the tests that the tester writes."""

    name = "test"
    summary = "a program of one's own"

    def __init__(self, source: str) -> None:
        self._program = Program(source)
        self._board: Board | None = None

    def solve(self, bench: Bench) -> Solution:
        gathering = Gathering(bench)
        self._board = gathering.board
        row = gathering.board.add_program(self._program)
        bench.observer.on_program(row, self._program)
        gathering.execute(row, gathering.board.inputs())
        gathering.sample(0, bench.m)
        return conclude(self.name, gathering.board, row, gathering.ended, asked_for=bench.m)

    def failing(self) -> list[dict[str, Any]]:
        """Return for JSON each example and test that the program fails; `error`: the last line of its traceback."""
        board = self._board
        if board is None:
            return []
        named = [
            *((f"example {number}", test) for number, test in enumerate(board.public, 1)),
            *((f"test {number}", test) for number, test in enumerate(board.tests, 1)),
        ]
        failing = [(name, test) for name, test in named if board.verdict(0, test) is False]
        return [
            {"name": name, "input": test.input, "output": test.output, **_happened(board.outcome(0, test.input), test)}
            for name, test in failing
        ]


def _happened(outcome: Outcome | None, test: TestCase) -> dict[str, str]:
    assert outcome is not None  # a verdict comes of one
    said = outcome.stderr_tail.strip().rpartition("\n")[2] if outcome.status is not Status.OK else ""
    got = outcome.stdout[: len(test.output) + MAX_OUTPUT_CHARS]  # enough for a whole difference
    return {"status": str(outcome.status), "got": got, "error": said[:_ERROR_CHARACTERS]}
