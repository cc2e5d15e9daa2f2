"""Events of `python -m engine.solve`, one JSON object a line, and the state that a reader builds from them.

loading    what            a model or server is being opened
warning    text            a checkpoint other than the named one is opened
ready      coder, tester, sandbox
problem    number, id, statement, public, comparison     the next problem begins; public: its examples, input and
                           output; comparison: of outputs
waiting    writer, answers, seconds, pieces, note      answers under way there, age of the oldest, what delays them
answer     role, tokens, dollars
program    row, source, rejected, fate, answer    fate: of `engine.solve.fates`; of a rejected answer why, and its text,
                            cut to MAX_ANSWER_CHARS; else ""
test       column, input, output, fate    column null: malformed
verdict    row, public, column, passed, status, got        got: its output, cut to MAX_OUTPUT_CHARS
leads      row
stage      name            the strategy begins a stage
lineage    row, parent, why    a new program is to repair or replace that of row `parent`
settled    tests, retired  from now on these tests vote, each with its status, and no others; verdicts on them follow.
                           retired: number of the tests that vote no longer, by status
vote       input, most, votes, agreed     the vote on the output of an input: `most` of `votes` answers say the same
judged     first, second, winner          the judge on two rows: "p3", "equal", or "" where the order of both decided
spent      stage, part, and a cost        what a part has cost within a stage so far
solution   solution        the whole evidence, see `solution_to_json`
fault      message, remedy, status    of this problem or, before `ready`, of the whole request
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TextIO

import numpy as np

from engine.problems import Problem
from engine.prompts import Program, Rejected, UnitTest
from engine.reward.pass_matrix import PassMatrix
from engine.runs.records import MAX_OUTPUT_CHARS, NOT_RUN, STATUSES, CellGrid
from engine.sandbox import AS_A_PROCESS, Outcome
from engine.solve.cells import Cells
from engine.solve.fates import fate_of
from engine.solve.strategies.board import Board
from engine.solve.strategies.budget import Spent
from engine.solve.strategies.evidence import Solution, StageCost
from engine.solve.writers import Answer, Cost, Waiting

Event = dict[str, Any]
MAX_ANSWER_CHARS = 20_000


class EventStream:
    """Writer of events, an `Observer` of strategies. Raises BrokenPipeError when the reader has gone."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._answer = ""

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
        self._answer = answer.text
        self.tell("answer", role=str(answer.role), tokens=answer.tokens, dollars=answer.dollars)

    def on_waiting(self, writer: str, waiting: Waiting) -> None:
        self.tell("waiting", writer=writer, **asdict(waiting))

    def on_program(self, row: int, program: Program | Rejected) -> None:
        if isinstance(program, Rejected):
            reason, answer = str(program.reason), self._answer[:MAX_ANSWER_CHARS]
            self.tell("program", row=row, source="", rejected=reason, fate=fate_of(program), answer=answer)
        else:
            self.tell("program", row=row, source=program.source, rejected="", fate=fate_of(program), answer="")

    def on_test(self, column: int | None, test: UnitTest | Rejected) -> None:
        if isinstance(test, Rejected):
            self.tell("test", column=column, input="", output="", fate=fate_of(test))
        else:
            self.tell("test", column=column, input=test.input, output=test.output, fate=fate_of(test))

    def on_outcome(self, board: Board, row: int, stdin: str) -> None:
        outcome = board.outcome(row, stdin)
        assert isinstance(outcome, Outcome)
        for test, column in board.columns_of(stdin):
            self.tell(
                "verdict", row=row, public=test.is_public, column=column, passed=board.verdict(row, test),
                status=str(outcome.status), got=outcome.stdout[:MAX_OUTPUT_CHARS],
            )  # fmt: skip

    def on_leader(self, board: Board, row: int) -> None:
        self.tell("leads", row=row)

    def on_stage(self, name: str) -> None:
        self.tell("stage", name=name)

    def on_lineage(self, row: int, parent: int, why: str) -> None:
        self.tell("lineage", row=row, parent=parent, why=why)

    def on_tests_settled(self, board: Board) -> None:
        tests = [_test(test.input, test.output) | {"status": str(test.status)} for test in board.tests]
        self.tell("settled", tests=tests, retired=dict(Counter(str(test.status) for test in board.retired)))
        for row in range(len(board.programs)):
            for stdin in dict.fromkeys(test.input for test in board.tests):
                if board.outcome(row, stdin) is not None:
                    self.on_outcome(board, row, stdin)

    def on_vote(self, stdin: str, most: int, votes: int, *, is_agreed: bool) -> None:
        self.tell("vote", input=stdin, most=most, votes=votes, agreed=is_agreed)

    def on_verdict_of_judge(self, first: int, second: int, winner: str) -> None:
        self.tell("judged", first=first, second=second, winner=winner)

    def on_spent(self, cost: StageCost) -> None:
        self.tell("spent", stage=cost.stage, part=str(cost.part), **_cost(cost.cost))


def solution_to_json(solution: Solution, spent: Spent) -> dict[str, Any]:
    """Convert the evidence to JSON, for `--json` and for storage: the names are stable.

    spent.given_up: estimates for requests that were begun and not waited for; a server may bill them.
    """
    return {
        "strategy": solution.strategy,
        "select": solution.select,
        "scores": [score if score is None else round(score, 6) for score in solution.scores],
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
        "tests": [
            _test(test.input, test.output, test.explanation) | {"status": str(test.status)} for test in solution.tests
        ],
        "retired_tests": [_test(test.input, test.output) | {"status": str(test.status)} for test in solution.retired],
        "remarks": list(solution.remarks),
        "trail": [{"stage": each.stage, "part": str(each.part), **_cost(each.cost)} for each in solution.trail],
        "spent": {"seconds": round(spent.seconds, 2), **_cost(spent.cost), "given_up": _cost(spent.given_up)},
    }


def _cost(cost: Cost) -> dict[str, Any]:
    return asdict(replace(cost, dollars=round(cost.dollars, 6)))


def _test(stdin: str, output: str, explanation: str | None = None) -> dict[str, str]:
    test = {"input": stdin, "output": output}
    return test if explanation is None else test | {"explanation": explanation}


class Tests:
    """Tests of one kind, the problem's examples or the generated ones, and what the programs did on them.

    columns: (input, output) of each test. verdicts: a row per program. statuses: the same, as codes of STATUSES.
    """

    __test__ = False  # for pytest: not a test class

    def __init__(self, columns: Iterable[tuple[str, str]] = ()) -> None:
        self.columns = list(columns)
        self.verdicts = Cells(len(self.columns))
        self._statuses: list[bytearray] = []

    def __len__(self) -> int:
        return len(self.columns)

    def add_program(self) -> None:
        self.verdicts.add_row()
        self._statuses.append(bytearray([NOT_RUN]) * len(self.columns))

    def add(self, column: tuple[str, str]) -> None:
        self.columns.append(column)
        self.verdicts.add_column()
        for row in self._statuses:
            row.append(NOT_RUN)

    def take(self, row: int, column: int, passed: bool | None, status: str) -> None:
        self.verdicts.set(row, column, passed)
        self._statuses[row][column] = STATUSES.index(status) if status in STATUSES else NOT_RUN

    def votes(self, row: int) -> int:
        """Return how many of the tests the program passes."""
        return self.verdicts.passed(row).bit_count()

    def grid(self) -> CellGrid:
        """Return verdicts and statuses as the dashboard's matrix reads them, without the programs' outputs."""
        passed, known = self.verdicts.arrays()
        statuses = np.frombuffer(b"".join(self._statuses), dtype=np.uint8).reshape(passed.shape)
        return CellGrid(passed, known, statuses)


@dataclass(slots=True)
class Trail:
    """Trail of a strategy: its stages and their costs, votes, verdicts of a judge, and where programs come from.

    stages: in order. costs: by stage and part, in order of appearance. lineage: by row, the row that it is to repair or
    replace, and why.
    votes, judged: numbers of votes that agreed and of verdicts that held, and of all. confirmed, retired: tests that
    were confirmed by a vote, and those that vote no longer, by status.
    """

    stages: list[str] = field(default_factory=list)
    costs: dict[tuple[str, str], Cost] = field(default_factory=dict)
    lineage: dict[int, tuple[int, str]] = field(default_factory=dict)
    votes: tuple[int, int] = (0, 0)
    judged: tuple[int, int] = (0, 0)
    confirmed: int = 0
    retired: Counter[str] = field(default_factory=Counter)

    @property
    def stage(self) -> str:
        """Stage under way, or the last one."""
        return self.stages[-1] if self.stages else ""

    def take(self, event: Event) -> None:
        match event["event"]:
            case "stage":
                self.stages.append(event["name"])
            case "lineage":
                self.lineage[event["row"]] = event["parent"], event["why"]
            case "vote":
                self.votes = self.votes[0] + event["agreed"], self.votes[1] + 1
            case "judged":
                self.judged = self.judged[0] + bool(event["winner"]), self.judged[1] + 1
            case "settled":
                self.confirmed = sum(test.get("status") == "confirmed" for test in event["tests"])
                self.retired = Counter(event.get("retired", {}))
            case "spent":
                cost = Cost(*(event[name] for name in ("answers", "prompt_tokens", "tokens", "dollars", "uncounted")))
                # Replaced, not changed: a thread may be drawing the old one.
                self.costs = self.costs | {(event["stage"], event["part"]): cost}


@dataclass(slots=True)
class SolveState:
    """State of one problem after the events so far, for a live view. For one thread.

    sources: one program per row, "" for a rejected answer; rejected: the reason, raw_answers: its text. answers: number
    of each role's answers by fate. trail: of its strategy. printed: status and output of a row on an input. Every event
    costs the same, however large the matrix has grown.
    """

    id: str = ""
    number: int = 0
    statement: str = ""
    comparison: str = ""
    loading: str = ""
    coder: str = ""
    tester: str = ""
    sandbox: str = ""
    examples: Tests = field(default_factory=Tests)
    tests: Tests = field(default_factory=Tests)
    malformed: int = 0
    answers: dict[str, Counter[str]] = field(default_factory=lambda: {"coder": Counter(), "tester": Counter()})
    sources: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    raw_answers: list[str] = field(default_factory=list)
    printed: dict[tuple[int, str], tuple[str, str]] = field(default_factory=dict)
    leader: int | None = None
    tokens: int = 0
    dollars: float = 0.0
    waiting: dict[str, Waiting] = field(default_factory=dict)
    trail: Trail = field(default_factory=Trail)
    solution: dict[str, Any] | None = None

    def take(self, event: Event) -> None:
        """Update the state by one event, ignoring unknown kinds: other versions may have more."""
        match event["event"]:
            case "loading":
                self.loading = event["what"]
            case "ready":
                self.loading = ""
                self.coder, self.tester, self.sandbox = event["coder"], event["tester"], event["sandbox"]
            case "waiting":
                fields = event["answers"], event["seconds"], event["pieces"], event["note"]
                self.waiting = self.waiting | {event["writer"]: Waiting(*fields)}  # a thread may be drawing the old one
            case "answer":
                self.tokens += event["tokens"]
                self.dollars += event["dollars"]
            case "program":
                self.sources.append(event["source"])
                self.rejected.append(event["rejected"])
                self.raw_answers.append(event["answer"])
                self.examples.add_program()
                self.tests.add_program()
                self.answers["coder"][event.get("fate", "ok")] += 1
            case "test":
                self.answers["tester"][event.get("fate", "ok")] += 1
                if event["column"] is None:
                    self.malformed += 1
                else:
                    self.tests.add((event["input"], event["output"]))
            case "verdict":
                row, column = event["row"], event["column"]
                tests = self.examples if event["public"] else self.tests
                tests.take(row, column, event["passed"], event["status"])
                self.printed[row, tests.columns[column][0]] = (event["status"], event["got"])
            case "leads":
                self.leader = event["row"]
            case "stage" | "lineage" | "vote" | "judged" | "spent":
                self.trail.take(event)
            case "settled":
                self.trail.take(event)
                self.tests = Tests((test["input"], test["output"]) for test in event["tests"])
                for _ in self.sources:
                    self.tests.add_program()
            case "solution":
                self._conclude(event["solution"])

    def next_problem(self, event: Event) -> SolveState:
        """Return a fresh state for the problem that an event announces, with the same models and sandbox."""
        return SolveState(
            id=event["id"],
            number=event["number"],
            statement=event["statement"],
            comparison=event.get("comparison", ""),
            examples=Tests((test["input"], test["output"]) for test in event["public"]),
            coder=self.coder,
            tester=self.tester,
            sandbox=self.sandbox,
        )

    def life_line(self) -> str:
        """Return what is waited for, such as "waiting for 3 answers, longest 42 s, retry 1 of 3: 429", or ""."""
        waiting = [each for each in self.waiting.values() if each.answers]
        if not waiting or self.solution is not None:
            return ""
        answers, pieces = sum(each.answers for each in waiting), sum(each.pieces for each in waiting)
        arrived = f", {pieces} tokens so far" if pieces else ""
        notes = "".join(f", {note}" for note in dict.fromkeys(each.note for each in waiting) if note)
        plural = "" if answers == 1 else "s"
        longest = max(each.seconds for each in waiting)
        return f"waiting for {answers} answer{plural}, longest {longest:.0f} s{arrived}{notes}"

    def ranking(self) -> list[int]:
        """Return the rows, best first, as `ranked` does for the board's matrix."""
        keys = [self.tests.verdicts.key(row) for row in range(len(self.rejected))]
        agreeing = Counter(key for key, reason in zip(keys, self.rejected, strict=True) if not reason)

        def place(row: int) -> tuple[bool, int, int, int]:
            return bool(self.rejected[row]), -self.examples.votes(row), -self.tests.votes(row), -agreeing[keys[row]]

        return sorted(range(len(self.rejected)), key=place)

    def matrix(self) -> PassMatrix:
        """Return the pass matrix so far, as `Board.matrix`."""
        truth_nt, known_nt = self.examples.verdicts.arrays()
        generated_nm, known_nm = self.tests.verdicts.arrays()
        rejected_n = np.array([bool(reason) for reason in self.rejected], dtype=np.bool_)
        return PassMatrix(truth_nt, generated_nm, rejected_n=rejected_n, known_nt=known_nt, known_nm=known_nm)

    def _conclude(self, solution: dict[str, Any]) -> None:
        """Take the tests and cells of the solution: a strategy may have replaced the tests of earlier events."""
        self.solution = solution
        self.leader = solution["chosen"]
        self.answers = {role: Counter(fates) for role, fates in solution.get("answers", self.answers).items()}
        self.tests = Tests((test["input"], test["output"]) for test in solution["tests"])
        for row, candidate in enumerate(solution["candidates"]):
            self.tests.add_program()
            for column, passed in enumerate(candidate["tests"]):
                status, _ = self.printed.get((row, self.tests.columns[column][0]), ("not_run", ""))
                self.tests.take(row, column, passed, status)
