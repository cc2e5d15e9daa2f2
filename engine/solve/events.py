"""What `python -m engine.solve` tells, one JSON object a line, and the state that a reader makes of it.

loading    what            a model or server is being opened
ready      coder, tester, sandbox
problem    number, id, public         the next problem begins; public: its number of examples
answer     role, tokens, dollars
program    row, rejected              rejected: "" for a program
test       column                     null: malformed
verdict    row, public, column, passed, status
leads      row
solution   the whole evidence, see `solution_to_json`
fault      message, remedy, status    of this problem or, before `ready`, of all
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, TextIO

from engine.prompts import Program, Rejected
from engine.sandbox import Outcome
from engine.strategies.board import Board
from engine.strategies.budget import Spent
from engine.strategies.evidence import Solution
from engine.writers import Answer

Event = dict[str, Any]


class EventStream:
    """Writes events as they happen; an `Observer` of strategies. A reader that is gone ends the process."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def tell(self, event: str, **fields: object) -> None:
        self._out.write(json.dumps({"event": event, **fields}) + "\n")
        self._out.flush()

    def answered(self, answer: Answer) -> None:
        self.tell("answer", role=str(answer.role), tokens=answer.tokens, dollars=answer.dollars)

    def program(self, row: int, program: Program | Rejected) -> None:
        self.tell("program", row=row, rejected=str(program.reason) if isinstance(program, Rejected) else "")

    def test(self, column: int | None) -> None:
        self.tell("test", column=column)

    def executed(self, board: Board, row: int, stdin: str) -> None:
        outcome = board.outcome(row, stdin)
        assert isinstance(outcome, Outcome)
        for is_public, tests in ((True, board.public), (False, board.tests)):
            for column, test in enumerate(tests):
                if test.input == stdin:
                    passed = board.verdict(row, test)
                    self.tell(
                        "verdict", row=row, public=is_public, column=column, passed=passed, status=str(outcome.status)
                    )  # fmt: skip

    def leads(self, board: Board, row: int) -> None:
        self.tell("leads", row=row)


def solution_to_json(solution: Solution, spent: Spent) -> dict[str, Any]:
    """The evidence in full: stable names, for `--json` and for whoever stores it."""
    return {
        "strategy": solution.strategy,
        "support": str(solution.support),
        "program": solution.program,
        "chosen": solution.chosen,
        "agreement": round(solution.agreement, 4),
        "disputed": list(solution.disputed),
        "ended": solution.ended,
        "malformed_tests": solution.malformed,
        "candidates": [asdict(candidate) | {"votes": candidate.votes} for candidate in solution.candidates],
        "public": [_test(test.input, test.output) for test in solution.public],
        "tests": [_test(test.input, test.output, test.explanation) for test in solution.tests],
        "spent": {
            "seconds": round(spent.seconds, 2),
            "answers": spent.answers,
            "prompt_tokens": spent.prompt_tokens,
            "tokens": spent.tokens,
            "dollars": round(spent.dollars, 6),
        },
    }


def _test(stdin: str, output: str, explanation: str | None = None) -> dict[str, str]:
    test = {"input": stdin, "output": output}
    return test if explanation is None else test | {"explanation": explanation}


@dataclass(slots=True)
class SolveState:
    """One problem as its events have it so far: what a live view draws. Cells are True, False or None (unknown)."""

    id: str = ""
    number: int = 0
    loading: str = ""
    coder: str = ""
    tester: str = ""
    sandbox: str = ""
    n_public: int = 0
    rejected: list[str] = field(default_factory=list)
    n_tests: int = 0
    malformed: int = 0
    public: dict[tuple[int, int], bool | None] = field(default_factory=dict)
    cells: dict[tuple[int, int], bool | None] = field(default_factory=dict)
    leader: int | None = None
    tokens: int = 0
    dollars: float = 0.0
    solution: dict[str, Any] | None = None

    def take(self, event: Event) -> None:
        """Events of other versions that are not known here change nothing."""
        match event["event"]:
            case "loading":
                self.loading = event["what"]
            case "ready":
                self.loading = ""
                self.coder, self.tester, self.sandbox = event["coder"], event["tester"], event["sandbox"]
            case "answer":
                self.tokens += event["tokens"]
                self.dollars += event["dollars"]
            case "program":
                self.rejected.append(event["rejected"])
            case "test":
                self.n_tests += event["column"] is not None
                self.malformed += event["column"] is None
            case "verdict":
                cells = self.public if event["public"] else self.cells
                cells[event["row"], event["column"]] = event["passed"]
            case "leads":
                self.leader = event["row"]
            case "solution":
                self.solution = event["solution"]

    def next_problem(self, event: Event) -> SolveState:
        """A fresh state for the problem that an event announces; what was opened stays."""
        return SolveState(
            id=event["id"],
            number=event["number"],
            n_public=event["public"],
            coder=self.coder,
            tester=self.tester,
            sandbox=self.sandbox,
        )

    def votes(self, row: int) -> int:
        return sum(passed is True for (owner, _), passed in self.cells.items() if owner == row)
