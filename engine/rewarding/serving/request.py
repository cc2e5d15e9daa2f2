"""Requests of rewards: a JSON body becomes the answers of some tasks, or a Refusal that says what is wrong with it.

    {"tasks": [{"programs": ["print(int(input()) * 2)", null],
                "tests": [{"input": "1", "output": "2"}, null],
                "truth": [{"input": "3", "output": "6"}],
                "time_limit": 1.0, "compare": "tokens"}]}

programs    sources, null for an answer without one; or `coder`: the coder's whole answers, read as in training
tests       the tester's tests, null for an answer without one; or `tester`: its whole answers; neither: no tests
truth       ground-truth tests, which decide what is correct; none: no reward tells anything apart
time_limit  CPU seconds of one execution; compare: comparison of outputs; both as of the settings where they are missing
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.config import RunConfig
from engine.config.schema import Comparison
from engine.printable import printable
from engine.problems import IOExample, Problem
from engine.prompts import Program, Reading, Rejected, RejectReason, UnitTest, read_program, read_unit_test
from engine.prompts.answers import MAX_CHARACTERS
from engine.rewarding.rewarder import TaskAnswers
from engine.sandbox import Limits

MOST_BODY_BYTES = 16 << 20
MOST_TASKS, MOST_PROGRAMS, MOST_TESTS, MOST_TRUTH = 256, 512, 512, 1024
MOST_SECONDS = 60.0
_MOST_WORDS = 300


class Refusal(Exception):
    """Refusal of a request: HTTP status, and one line for its sender."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class _Test(_Part):
    input: str
    output: str


_Programs: TypeAlias = Annotated[list[str | None], Field(min_length=1, max_length=MOST_PROGRAMS)]
_Coder: TypeAlias = Annotated[list[str], Field(min_length=1, max_length=MOST_PROGRAMS)]
_Tests: TypeAlias = Annotated[list[_Test | None], Field(max_length=MOST_TESTS)]
_Tester: TypeAlias = Annotated[list[str], Field(max_length=MOST_TESTS)]


class _Task(_Part):
    programs: _Programs | None = None
    coder: _Coder | None = None
    tests: _Tests | None = None
    tester: _Tester | None = None
    truth: Annotated[list[_Test], Field(max_length=MOST_TRUTH)] = []
    time_limit: Annotated[float, Field(gt=0, le=MOST_SECONDS)] | None = None
    compare: Comparison | Literal[""] = ""

    @model_validator(mode="after")
    def _each_role_once(self) -> _Task:
        if (self.programs is None) == (self.coder is None):
            raise ValueError("give either programs or coder")
        if self.tests is not None and self.tester is not None:
            raise ValueError("give either tests or tester")
        return self


class _Request(_Part):
    tasks: Annotated[list[_Task], Field(max_length=MOST_TASKS)]


def read_request(body: bytes, config: RunConfig) -> list[TaskAnswers]:
    """Read a request. Raises Refusal for what is no request of this form."""
    try:
        asked = _Request.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        said = first["msg"].removeprefix("Value error, ")
        raise Refusal(400, printable(f"{where}: {said}" if where else said)[:_MOST_WORDS]) from None
    reading = Reading(config.rollout.reading)
    return [_answers(task, number, config, reading) for number, task in enumerate(asked.tasks)]


def bytes_needed(tasks: list[TaskAnswers], limits: Limits) -> int:
    """Return what the executions of a request may hold at most: the inputs of each program, and all outputs."""
    of_output = (limits.output_kb + limits.stderr_kb) << 10
    needed = 0
    for task in tasks:
        tests = [test for test in (*task.problem.hidden, *task.tests) if not isinstance(test, Rejected)]
        needed += len(task.programs) * sum(len(test.input) + of_output for test in tests)
    return needed


def _answers(task: _Task, number: int, config: RunConfig, reading: Reading) -> TaskAnswers:
    return TaskAnswers(
        Problem(
            id=f"tasks.{number}",
            statement="",
            public=(),
            hidden=tuple(IOExample(test.input, test.output) for test in task.truth),
            time_limit=task.time_limit or config.sandbox.cpu_seconds,
            compare=task.compare,
        ),
        tuple(_program(source) for source in task.programs or ())
        or tuple(read_program(text, reading) for text in task.coder or ()),
        tuple(_unit_test(test) for test in task.tests or ())
        or tuple(read_unit_test(text, reading) for text in task.tester or ()),
    )


def _program(source: str | None) -> Program | Rejected:
    if source is None:
        return Rejected(RejectReason.NO_BLOCK)
    if not source.strip():
        return Rejected(RejectReason.EMPTY_PROGRAM)
    return Rejected(RejectReason.TOO_LARGE) if len(source) > MAX_CHARACTERS else Program(source)


def _unit_test(test: _Test | None) -> UnitTest | Rejected:
    if test is None:
        return Rejected(RejectReason.NO_INPUT)
    if not test.output.strip():
        return Rejected(RejectReason.EMPTY_OUTPUT)
    too_large = max(len(test.input), len(test.output)) > MAX_CHARACTERS
    return Rejected(RejectReason.TOO_LARGE) if too_large else UnitTest(test.input, test.output)
