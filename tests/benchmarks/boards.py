"""Boards of nano for benchmarks of selectors: 16 programs and 16 tests of each task, sampled once and kept in a file.

    boards = load(Path("boards.jsonl"), "run:trained", "heldout", 120)

A file holds the boards of one model on one split, a line a task, so that a sampling that was broken off goes on. The
line has everything that a selector may depend on: sources, tests, and what every program printed on every input.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from engine.machine.resources import source_path  # noqa: E402
from engine.problems import IOExample, Problem, load_problems  # noqa: E402
from engine.prompts import Program, Rejected, Role, UnitTest, read_program, read_unit_test  # noqa: E402
from engine.prompts.answers import RejectReason  # noqa: E402
from engine.rollouts.executing import execute, inputs_of  # noqa: E402
from engine.sandbox import AS_A_PROCESS, Executor, Limits, Outcome, Status, passes  # noqa: E402
from engine.solve.opening import Wishes, load_model  # noqa: E402
from engine.solve.selectors import BoardArrays  # noqa: E402
from engine.solve.strategies.board import Board  # noqa: E402
from engine.solve.writers import Answer, first_ask  # noqa: E402
from engine.solve.writers.spec import parse_spec  # noqa: E402

N = M = 16
CHUNK = 20


@dataclass(frozen=True)
class TaskBoard:
    """Board of one task as it is kept. programs: None for an answer without one; tests likewise.

    printed: for each input, status and output of every program; correct: whether it passes the hidden tests.
    """

    task: str
    public: list[tuple[str, str]]
    programs: list[str | None]
    tests: list[tuple[str, str] | None]
    correct: list[bool]
    tokens: tuple[list[int], list[int]]
    printed: dict[str, list[tuple[str, str]]]

    def arrays(self, programs: Sequence[int], tests: Sequence[int], *, examples: bool) -> BoardArrays:
        """Return the board of some programs and tests as solving builds it; examples: the public ones count."""
        public = [IOExample(*pair) for pair in self.public] if examples else []
        board = Board(public, AS_A_PROCESS)
        nothing = Rejected(RejectReason.NO_BLOCK)
        for row in programs:
            source = self.programs[row]
            board.add_program(nothing if source is None else Program(source), row)
        for column in tests:
            pair = self.tests[column]
            if pair is not None:
                board.add_test(UnitTest(*pair))
        for at, row in enumerate(programs):
            for stdin in board.inputs() if self.programs[row] is not None else ():
                status, output = self.printed[stdin][row]
                board.add_outcome(at, stdin, Outcome(Status(status), output))
        return board.arrays()


def load(path: Path, model: str, split: str, tasks: int, *, threads: int = 1) -> list[TaskBoard]:
    """Return the boards of the first `tasks` tasks of a split; sample and keep those that the file lacks."""
    found = list(_read(path))
    problems = load_problems(source_path(f"asset:nano/tasks/{split}.jsonl"))[:tasks]
    missing = problems[len(found) :]
    if missing:
        for board in _sampled(model, missing):
            with path.open("a") as file:
                file.write(json.dumps(asdict(board)) + "\n")
            found.append(board)
    return found[:tasks]


def _read(path: Path) -> Iterator[TaskBoard]:
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            yield TaskBoard(**json.loads(line))
        except ValueError:  # torn by the end of the process that wrote it
            return


def _sampled(model: str, problems: Sequence[Problem]) -> Iterator[TaskBoard]:
    writer = load_model(parse_spec(model), None, print).writer(Wishes(None, None, 0), whole=True)
    with Executor(Limits()) as executor:
        for start in range(0, len(problems), CHUNK):
            chunk = problems[start : start + CHUNK]
            asks, answers = [], dict[tuple[str, Role], dict[int, Answer]]()
            for problem in chunk:
                for role, count in ((Role.CODER, N), (Role.TESTER, M)):
                    ask = first_ask(problem, problem.statement, role, writer, count, 0)
                    name = f"{problem.id} {role}"
                    asks.append(type(ask)(name, role, ask.messages, ask.n, ask.seed))
                    answers[problem.id, role] = {}
            for answer in writer.write(asks):
                answers[answer.ask_id.rpartition(" ")[0], answer.role][answer.index] = answer
            for problem in chunk:
                coder, tester = (
                    [found[index] for index in sorted(found)]
                    for found in (answers[problem.id, Role.CODER], answers[problem.id, Role.TESTER])
                )
                yield _executed(problem, coder, tester, executor)


def _executed(problem: Problem, coder: Sequence[Answer], tester: Sequence[Answer], executor: Executor) -> TaskBoard:
    programs = [read_program(answer.text, finished=answer.finished) for answer in coder]
    tests = [read_unit_test(answer.text, finished=answer.finished) for answer in tester]
    inputs = list(dict.fromkeys([example.input for example in problem.public] + inputs_of(tests)))
    runs = [execute(each, [*inputs, *inputs_of(problem.hidden)], executor, problem.time_limit) for each in programs]
    printed: dict[str, list[tuple[str, str]]] = {stdin: [] for stdin in inputs}
    correct = []
    for program, run in zip(programs, runs, strict=True):
        by_input = run.by_input()
        for stdin in inputs:
            outcome = by_input.get(stdin)
            printed[stdin].append((str(outcome.status), outcome.stdout) if outcome else (str(Status.COMPILE_ERROR), ""))
        correct.append(
            isinstance(program, Program)
            and all(passes(by_input[test.input], test.output, AS_A_PROCESS) for test in problem.hidden)
        )
    return TaskBoard(
        problem.id,
        [(each.input, each.output) for each in problem.public],
        [each.source if isinstance(each, Program) else None for each in programs],
        [(each.input, each.output) if isinstance(each, UnitTest) else None for each in tests],
        correct,
        ([answer.tokens for answer in coder], [answer.tokens for answer in tester]),
        printed,
    )
