"""Events of `python -m engine.solve`, one JSON object a line, and the state that a reader builds from them.

loading    what            a model or server is being opened
warning    text            a checkpoint other than the named one is opened
ready      coder, tester, sandbox
problem    number, id, statement, public, comparison     the next problem begins; public: its examples, input and
                           output; comparison: of outputs
answer     role, tokens, dollars
program    row, source, rejected, fate    rejected: "" for a program; fate: of `engine.solve.fates`
test       column, input, output, fate    column null: malformed
verdict    row, public, column, passed, status, got        got: its output, cut to MAX_OUTPUT_CHARS
leads      row
solution   solution        the whole evidence, see `solution_to_json`
fault      message, remedy, status    of this problem or, before `ready`, of the whole request
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any, TextIO

from engine.problems import Problem
from engine.prompts import Program, Rejected, UnitTest
from engine.reward.pass_matrix import PassMatrix, pass_matrix_from_verdicts
from engine.runs.records import MAX_OUTPUT_CHARS
from engine.sandbox import AS_A_PROCESS, Outcome
from engine.solve.fates import fate_of
from engine.solve.strategies.board import Board
from engine.solve.strategies.budget import Spent
from engine.solve.strategies.evidence import Solution
from engine.solve.writers import Answer

Event = dict[str, Any]


class EventStream:
    """Writer of events, an `Observer` of strategies. Raises BrokenPipeError when the reader has gone."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def tell(self, event: str, **fields: object) -> None:
        self._out.write(json.dumps({"event": event, **fields}) + "\n")
        self._out.flush()

    def problem(self, number: int, problem: Problem) -> None:
        public = [_test(example.input, example.output) for example in problem.public]
        self.tell(
            "problem", number=number, id=problem.id, statement=problem.statement, public=public,
            comparison=AS_A_PROCESS.for_task(problem.compare).comparison,
        )  # fmt: skip

    def on_completion(self, answer: Answer) -> None:
        self.tell("answer", role=str(answer.role), tokens=answer.tokens, dollars=answer.dollars)

    def on_program(self, row: int, program: Program | Rejected) -> None:
        if isinstance(program, Rejected):
            self.tell("program", row=row, source="", rejected=str(program.reason), fate=fate_of(program))
        else:
            self.tell("program", row=row, source=program.source, rejected="", fate=fate_of(program))

    def on_test(self, column: int | None, test: UnitTest | Rejected) -> None:
        if isinstance(test, Rejected):
            self.tell("test", column=column, input="", output="", fate=fate_of(test))
        else:
            self.tell("test", column=column, input=test.input, output=test.output, fate=fate_of(test))

    def on_outcome(self, board: Board, row: int, stdin: str) -> None:
        outcome = board.outcome(row, stdin)
        assert isinstance(outcome, Outcome)
        for is_public, tests in ((True, board.public), (False, board.tests)):
            for column, test in enumerate(tests):
                if test.input == stdin:
                    passed = board.verdict(row, test)
                    self.tell(
                        "verdict", row=row, public=is_public, column=column, passed=passed,
                        status=str(outcome.status), got=outcome.stdout[:MAX_OUTPUT_CHARS],
                    )  # fmt: skip

    def on_leader(self, board: Board, row: int) -> None:
        self.tell("leads", row=row)


def solution_to_json(solution: Solution, spent: Spent) -> dict[str, Any]:
    """Convert the evidence to JSON, for `--json` and for storage: the names are stable."""
    return {
        "strategy": solution.strategy,
        "support": str(solution.support),
        "program": solution.program,
        "chosen": solution.chosen,
        "agreement": round(solution.agreement, 4),
        "disputed": list(solution.disputed),
        "ended": solution.ended,
        "malformed_tests": solution.malformed,
        "lacking": solution.lacking,
        "understood_tests": solution.understood,
        "needed_tests": solution.needed,
        "answers": {"coder": dict(solution.coder_answers), "tester": dict(solution.tester_answers)},
        "comparison": solution.comparison,
        "another_comparison": solution.another,
        "candidates": [asdict(candidate) for candidate in solution.candidates],
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
    """State of one problem after the events so far, for a live view. Cells are True, False or None (unknown).

    public_tests, tests: (input, output) of each column. sources: one program per row, "" for a rejected answer;
    rejected: the reason. answers: number of each role's answers by fate. printed: status and output of a row on an
    input.
    """

    id: str = ""
    number: int = 0
    statement: str = ""
    comparison: str = ""
    loading: str = ""
    coder: str = ""
    tester: str = ""
    sandbox: str = ""
    public_tests: list[tuple[str, str]] = field(default_factory=list)
    tests: list[tuple[str, str]] = field(default_factory=list)
    malformed: int = 0
    answers: dict[str, Counter[str]] = field(default_factory=lambda: {"coder": Counter(), "tester": Counter()})
    sources: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    public: dict[tuple[int, int], bool | None] = field(default_factory=dict)
    cells: dict[tuple[int, int], bool | None] = field(default_factory=dict)
    printed: dict[tuple[int, str], tuple[str, str]] = field(default_factory=dict)
    leader: int | None = None
    tokens: int = 0
    dollars: float = 0.0
    solution: dict[str, Any] | None = None

    def take(self, event: Event) -> None:
        """Update the state by one event, ignoring unknown kinds: other versions may have more."""
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
                self.sources.append(event["source"])
                self.rejected.append(event["rejected"])
                self.answers["coder"][event.get("fate", "ok")] += 1
            case "test":
                self.answers["tester"][event.get("fate", "ok")] += 1
                if event["column"] is None:
                    self.malformed += 1
                else:
                    self.tests.append((event["input"], event["output"]))
            case "verdict":
                self._take_verdict(event)
            case "leads":
                self.leader = event["row"]
            case "solution":
                self._conclude(event["solution"])

    def next_problem(self, event: Event) -> SolveState:
        """Return a fresh state for the problem that an event announces, with the same models and sandbox."""
        return SolveState(
            id=event["id"],
            number=event["number"],
            statement=event["statement"],
            comparison=event.get("comparison", ""),
            public_tests=[(test["input"], test["output"]) for test in event["public"]],
            coder=self.coder,
            tester=self.tester,
            sandbox=self.sandbox,
        )

    def matrix(self) -> PassMatrix:
        """Return the pass matrix so far, as `Board.matrix`. A thread may draw it while another takes events."""
        rejected = [bool(reason) for reason in self.rejected]
        examples, columns = range(len(self.public_tests)), range(len(self.tests))
        return pass_matrix_from_verdicts(
            [[self.public.get((row, column)) for column in examples] for row in range(len(rejected))],
            [[self.cells.get((row, column)) for column in columns] for row in range(len(rejected))],
            rejected=rejected,
        )

    def _take_verdict(self, event: Event) -> None:
        row, column = event["row"], event["column"]
        tests, cells = (self.public_tests, self.public) if event["public"] else (self.tests, self.cells)
        cells[row, column] = event["passed"]
        self.printed[row, tests[column][0]] = (event["status"], event["got"])

    def _conclude(self, solution: dict[str, Any]) -> None:
        """Take the tests and cells of the solution: a strategy may have replaced the tests of earlier events."""
        self.solution = solution
        self.leader = solution["chosen"]
        self.answers = {role: Counter(fates) for role, fates in solution.get("answers", self.answers).items()}
        self.tests = [(test["input"], test["output"]) for test in solution["tests"]]
        self.cells = {
            (row, column): passed
            for row, candidate in enumerate(solution["candidates"])
            for column, passed in enumerate(candidate["tests"])
        }
