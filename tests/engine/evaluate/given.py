"""Evaluations with scripted answers: a writer that answers at once, counts what it is asked, and may fail."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import RunError
from engine.evaluate.answers import AnswerJournal
from engine.evaluate.folder import Evaluation
from engine.evaluate.live import Wall
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
from engine.servers.settings import Price
from engine.solve.strategies import Budget
from engine.solve.writers import Account, Answer, Ask, Cost

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
    """Writer of answers that depend on the ask's seed and the index alone.

    fails_after: answers before a fault; pause: seconds that an answer takes.
    """

    name: str = "given"
    style: PromptStyle = PromptStyle.FULL
    fails_after: int = 1_000_000
    asked: list[tuple[str, int]] = field(default_factory=list)
    cut: frozenset[Role] = frozenset()
    pause: float = 0.0
    account: Account = field(default_factory=Account)

    def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        for ask in asks:
            for index in ask.indices:
                if len(self.asked) >= self.fails_after:
                    raise RunError("the server has gone", "start it again")
                self.asked.append((ask.id, index))
                time.sleep(self.pause)
                draw = derive_seed(ask.seed, "draw", index) % 10
                yield Answer(
                    ask.id, ask.role, index, self._text(ask.role, draw), 10, 20 + draw,
                    finished=ask.role not in self.cut, dollars=0.001, served="given-2",
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


def given_models(request: EvalRequest) -> dict[str, Model]:
    """Return the models of a request as those of servers, each answer of which has a price."""
    role = RoleParams(0.8, 1.0, 64)
    return {
        name: Model(
            spec, Params(role, role), PromptStyle.FULL, True, Reading.KIND, False, price=Price(input=20.0, output=40.0)
        )
        for name, spec in request.specs.items()
    }


def run(
    evaluation: Evaluation,
    executor: Executor,
    writer: Given,
    *others: Given,
    samples: bool = True,
    stops: bool = False,
) -> Report:
    """Run an evaluation to its end, or until a writer fails; stops: it is asked to stop before it begins.

    others: writers of the models that the request names after its first one.
    """
    folder, request = evaluation.folder, evaluation.request
    models, budget = given_models(request), Budget.parse(request.budget)
    by_spec = dict(zip(dict.fromkeys(request.specs.values()), (writer, *others), strict=True))
    with ExitStack() as resources:
        wall = Wall(folder.live)
        journal = resources.enter_context(JournalWriter(folder.journal))
        if journal.is_empty:
            journal.run_started(preset="given", steps=0, seed=0)
        answers = resources.enter_context(AnswerJournal(folder.path))
        paid = sum((each.cost for each in answers.costs().values()), Cost())
        account = Account(budget.tokens, budget.dollars, paid)
        for each in by_spec.values():
            each.account = account
        writers = Writers(request, models, lambda model, *_: by_spec[model.spec], account)
        evaluator = Evaluator(
            evaluation, choose_tasks(request), models, writers, executor, answers, journal,
            resources.enter_context(ArchiveWriter(folder.archive)), surroundings("A"), wall, samples=samples,
        )  # fmt: skip
        if stops:
            evaluator.stop()
        return evaluator.run()
