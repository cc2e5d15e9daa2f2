"""Test of the user's own program: a board with one row, which no model has written."""

from __future__ import annotations

from typing import Any, ClassVar

from engine.prompts import Program
from engine.runs.records import MAX_OUTPUT_CHARS
from engine.sandbox import Outcome, Status
from engine.solve.strategies.board import Board, TestCase
from engine.solve.strategies.parts import Need, Part
from engine.solve.strategies.session import Session

_ERROR_CHARACTERS = 300


class OwnProgram:
    """Strategy without a coder: judges a given program by the examples and by the tests that the tester writes."""

    name: ClassVar[str] = "test"
    summary: ClassVar[str] = "a program of one's own"
    selector: ClassVar[str] = "bon"
    parts: ClassVar[tuple[Part, ...]] = (Part.TESTER,)
    needs: ClassVar[tuple[Need, ...]] = ()

    def __init__(self, source: str) -> None:
        self._program = Program(source)
        self._board: Board | None = None

    def run(self, session: Session) -> None:
        board = self._board = session.board
        row = session.chosen = board.add_program(self._program)
        session.bench.observer.on_program(row, self._program)
        session.execute(row, board.inputs())
        with session.stage("test"):
            session.sample(0, session.bench.m)

    def usual_answers(self, n: int, m: int) -> tuple[int, int]:
        return m, m

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
