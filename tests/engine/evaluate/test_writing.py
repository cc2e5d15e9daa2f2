"""Tests of two writers at the same time, and of models that are opened only when an answer is missing."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest

from engine.errors import RunError
from engine.evaluate.models import Model, Params, RoleParams
from engine.evaluate.request import EvalRequest
from engine.evaluate.writing import Writers
from engine.prompts import PromptStyle, Reading, Role
from engine.solve.writers import Account, Answer, Ask
from engine.solve.writers.spec import WriterSpec
from tests.engine.evaluate.given import Given

ASKS = [Ask(f"{place}/{role}", role, (), 4, 0) for place in range(3) for role in Role]


def model(name: str) -> Model:
    role = RoleParams(0.8, 1.0, 64)
    return Model(WriterSpec("openai", name), Params(role, role), PromptStyle.FULL, True, Reading.KIND, False)


class Meeting(Given):
    """Writer that answers only once the other one has begun as well."""

    barrier = threading.Barrier(2, timeout=60)

    def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        self.barrier.wait()
        yield from super().write(asks)


def writers(coder: Given, tester: Given, opened: list[str]) -> Writers:
    def open_writer(model: Model, request: EvalRequest, account: Account) -> Given:
        opened.append(model.spec.name)
        return {"coder": coder, "tester": tester}[model.spec.name]

    models = {Role.CODER: model("coder"), Role.TESTER: model("tester")}
    return Writers(EvalRequest("openai:coder", "openai:tester", "nano"), models, open_writer)


def test_two_models_write_at_the_same_time_and_every_answer_comes_once() -> None:
    opened: list[str] = []
    answers = list(writers(Meeting(), Meeting(), opened).write(ASKS))
    assert sorted(opened) == ["coder", "tester"]
    assert sorted((each.ask_id, each.index) for each, _ in answers) == sorted(
        (ask.id, index) for ask in ASKS for index in range(4)
    )


def test_a_model_is_opened_only_when_an_answer_of_its_role_is_missing() -> None:
    opened: list[str] = []
    written = writers(Given(), Given(), opened)
    list(written.write([ask for ask in ASKS if ask.role is Role.TESTER]))
    assert opened == ["tester"]


def test_the_fault_of_one_model_comes_after_the_answers_of_both() -> None:
    answers = []
    with pytest.raises(RunError, match="gone"):  # noqa: PT012  (what came before it counts)
        for answer in writers(Given(fails_after=5), Given(), []).write(ASKS):
            answers.append(answer)
    assert len(answers) == 5 + 12


def test_known_answers_are_not_written_again() -> None:
    ask = Ask("0/coder", Role.CODER, (), 6, 0, frozenset({0, 3, 4}))
    assert [each.index for each, _ in writers(Given(), Given(), []).write([ask])] == [1, 2, 5]
