"""Evaluations with scripted answers: a writer that answers at once, counts what it is asked, and may fail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import RunError
from engine.evaluate.answers import AnswerJournal
from engine.evaluate.folder import Evaluation
from engine.evaluate.models import Model, Params, RoleParams
from engine.evaluate.plan import choose_tasks
from engine.evaluate.request import EvalRequest
from engine.evaluate.run import Evaluator
from engine.evaluate.surroundings import surroundings
from engine.evaluate.writing import Writers
from engine.evaluation.report import Report
from engine.problems import IOExample, Problem, save_problems
from engine.prompts import PromptStyle, Reading, Role
from engine.runs.archive import ArchiveWriter
from engine.runs.folder import RunFolder
from engine.runs.journal import JournalWriter
from engine.sandbox import Executor
from engine.seeds import derive_seed
from engine.solve.writers import Answer, Ask
from engine.solve.writers.spec import parse_spec

SUM = "print(sum(map(int, input().split())))"


def sums(tasks: int, **fields: str) -> list[Problem]:
    """Make tasks that ask for the sum of a line of numbers."""
    return [
        Problem(
            f"sum-{number:03}", f"Print the sum of the numbers, task {number}.", (),
            tuple(IOExample(f"{number} {other}\n", f"{number + other}\n") for other in range(4)),
            solutions=(SUM,), **fields,  # type: ignore[arg-type]
        )
        for number in range(tasks)
    ]  # fmt: skip


@dataclass
class Given:
    """Writer of answers that depend on the ask's seed and the index alone. fails_after: answers before a fault."""

    name: str = "given"
    style: PromptStyle = PromptStyle.FULL
    fails_after: int = 1_000_000
    asked: list[tuple[str, int]] = field(default_factory=list)
    cut: frozenset[Role] = frozenset()

    def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        for ask in asks:
            for index in ask.indices:
                if len(self.asked) >= self.fails_after:
                    raise RunError("the server has gone", "start it again")
                self.asked.append((ask.id, index))
                draw = derive_seed(ask.seed, "draw", index) % 10
                yield Answer(
                    ask.id, ask.role, index, self._text(ask.role, draw), 10, 20 + draw,
                    finished=ask.role not in self.cut, dollars=0.001,
                )  # fmt: skip

    def close(self) -> None: ...

    def _text(self, role: Role, draw: int) -> str:
        if draw == 9:
            return "I would rather not."
        if role is Role.CODER:
            return f"```python\n{SUM if draw < 5 else 'print(7)'}\n```"
        output = 2 * draw if draw < 6 else draw + 1
        return f"**Test Input:**\n```\n{draw} {draw}\n```\n\n**Test Output:**\n```\n{output}\n```"


def request_for(folder: Path, problems: Sequence[Problem], **fields: object) -> EvalRequest:
    save_problems(folder / "tasks.jsonl", problems)
    given = {"n": 4, "m": 4, "bon": ("2x2", "4x4")} | fields
    return EvalRequest("openai:given", "openai:given", str(folder / "tasks.jsonl"), **given)  # type: ignore[arg-type]


def new_evaluation(folder: Path, request: EvalRequest, name: str = "evaluation") -> Evaluation:
    return Evaluation(RunFolder.create(folder / name, ""), request)


def run(
    evaluation: Evaluation, executor: Executor, writer: Given, *, samples: bool = True, stops: bool = False
) -> Report:
    """Run an evaluation to its end, or until the writer fails; stops: it is asked to stop before it begins."""
    role = RoleParams(0.8, 1.0, 64)
    spec = parse_spec(evaluation.request.coder)
    models = dict.fromkeys(Role, Model(spec, Params(role, role), PromptStyle.FULL, True, Reading.KIND, False))
    folder, request = evaluation.folder, evaluation.request
    with ExitStack() as resources:
        journal = resources.enter_context(JournalWriter(folder.journal))
        if journal.is_empty:
            journal.run_started(preset="given", steps=0, seed=0)
        evaluator = Evaluator(
            evaluation, choose_tasks(request), models, Writers(request, models, lambda *_: writer), executor,
            resources.enter_context(AnswerJournal(folder.path)), journal,
            resources.enter_context(ArchiveWriter(folder.archive)), surroundings("A"), samples=samples,
        )  # fmt: skip
        if stops:
            evaluator.stop.set()
        return evaluator.run()
