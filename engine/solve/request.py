"""Request to `python -m engine.solve`, one JSON object: the same type on both sides of the pipe."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from engine.problems import IOExample, Problem


@dataclass(frozen=True, slots=True)
class Task:
    """Problem as read from a file. prose: the statement without examples, for models of short prompts."""

    problem: Problem
    prose: str


@dataclass(frozen=True, slots=True)
class SolveRequest:
    """Request to solve tasks. coder, tester: see `engine.solve.writers.spec`.

    temperature, max_tokens: None leaves them to the model's preset. program: the user's own, to be tested; n is then 0
    and coder equals tester, so that only the tester is opened. select: a selector with its options, "" for the
    strategy's own. judge, specifier: "" for coder and tester.
    """

    tasks: tuple[Task, ...]
    coder: str
    tester: str
    n: int
    m: int
    seed: int
    strategy: str
    budget: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    allow_unsandboxed: bool = False
    program: str = ""
    select: str = ""
    judge: str = ""
    specifier: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> SolveRequest:
        """Parse the text of `to_json`. Both ends of the pipe belong to this program: an invalid text is a defect."""
        fields = json.loads(text)
        tasks = tuple(Task(_problem(task["problem"]), task["prose"]) for task in fields.pop("tasks"))
        return cls(tasks=tasks, **fields)


def _problem(fields: dict[str, object]) -> Problem:
    values = dict(fields)
    for split in ("public", "hidden"):
        examples = values[split]
        assert isinstance(examples, list)
        values[split] = tuple(IOExample(example["input"], example["output"]) for example in examples)
    values["solutions"] = ()
    return Problem(**values)  # type: ignore[arg-type]  # the fields come from asdict of a Problem
