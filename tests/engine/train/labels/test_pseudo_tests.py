"""Tests that a tester writes in the place of hidden ones: the vote, what is kept, and that no answer is paid twice."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest

from engine.errors import RunError
from engine.evaluate.answers import AnswerJournal
from engine.problems import IOExample, Problem
from engine.prompts import PromptStyle, Role, Style
from engine.runs.files import LABEL_ANSWERS_FILE, LABELS_FILE
from engine.sandbox import Outcome, Peers, Status
from engine.solve.writers import Answer, Ask
from engine.train.labels.cross_check import ProgramCheck
from engine.train.labels.kept_tests import keep_tests, read_tests
from engine.train.labels.pseudo_tests import ASKED, VOTES, TestWriting
from tests.engine.scripted_sampler import unit_test

PROBLEM = Problem("double", "Print twice the number.", (), (IOExample("1", "2"),))


class ScriptedTester:
    """Tester whose n-th test and whose prediction for an input come from functions; it counts what it is asked for."""

    def __init__(
        self, test: Callable[[int], str], predicted: Callable[[str, int], str], style: Style = PromptStyle.SHORT
    ) -> None:
        self.name, self.style = "scripted", style
        self._test, self._predicted = test, predicted
        self.written: list[tuple[str, int]] = []

    def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        for ask in asks:
            for index in reversed(ask.indices):
                self.written.append((ask.id, index))
                yield Answer(ask.id, Role.TESTER, index, self._text(ask, index), 10, 20)

    def close(self) -> None:
        pass

    def _text(self, ask: Ask, index: int) -> str:
        if ask.opening:
            stdin = ask.opening.removesuffix(" >")
            return f"{ask.opening} worked out\n{unit_test(stdin, self._predicted(stdin, index))}"
        content = ask.messages[-1]["content"]
        if "For the input below" in content:
            stdin = content.split("```")[1].strip()
            return f"So it prints\n```\n{self._predicted(stdin, index)}\n```"
        return self._test(index)


def doubled(stdin: str, index: int) -> str:
    return str(2 * int(stdin))


def write(tester: ScriptedTester, answers: AnswerJournal, **options: object) -> tuple[IOExample, ...]:
    writing = TestWriting(tester, answers, ["scripted"], 0, "whitespace", **options)  # type: ignore[arg-type]
    return writing.write([PROBLEM])[PROBLEM.id]


@pytest.fixture
def answers(tmp_path: Path) -> Iterator[AnswerJournal]:
    with AnswerJournal(tmp_path, LABEL_ANSWERS_FILE) as journal:
        yield journal


@pytest.mark.parametrize("style", [PromptStyle.SHORT, PromptStyle.FULL])
def test_the_first_eight_distinct_inputs_get_the_output_of_the_vote(answers: AnswerJournal, style: PromptStyle) -> None:
    # All tests are wrong as written, two of them malformed, two with an input that was there already.
    texts = ["none", *(unit_test(str(n), "0") for n in (3, 3, 4, 5, 6, 7, 8, 9)), "none", unit_test(" 4 ", "1")]
    texts += [unit_test(str(n), "0") for n in (10, 11, 12, 13, 14)]
    tests = write(ScriptedTester(lambda index: texts[index], doubled, style), answers)
    assert [(test.input.strip(), test.output) for test in tests] == [
        (str(n), str(2 * n)) for n in (3, 4, 5, 6, 7, 8, 9, 10)
    ]


def test_an_output_without_a_strict_lead_drops_its_test_and_the_next_input_takes_its_place(
    answers: AnswerJournal,
) -> None:
    def divided(stdin: str, index: int) -> str:
        return str(index % 2) if stdin in ("1", "2") else doubled(stdin, index)

    tester = ScriptedTester(lambda index: unit_test(str(index), "0"), divided)
    tests = write(tester, answers)
    assert [int(test.input) for test in tests] == [0, 3, 4, 5, 6, 7, 8, 9]
    assert len(tester.written) == ASKED + 10 * VOTES


def test_a_prediction_for_another_input_is_no_vote(answers: AnswerJournal) -> None:
    class Wanders(ScriptedTester):
        def _text(self, ask: Ask, index: int) -> str:
            said = super()._text(ask, index)
            return said.replace("```\n5\n```", "```\n6\n```", 1) if ask.opening and index else said

    tests = write(Wanders(lambda index: unit_test("5", "0"), lambda stdin, index: str(index)), answers)
    assert [(test.input.strip(), test.output.strip()) for test in tests] == [("5", "0")]


class Outputs:
    """Runner of programs that are their own outputs: "2 4" prints 4 for 2 and fails on every other input."""

    def submit(
        self, source: str, inputs: Sequence[str], cpu_seconds: float | None = None, peers: Peers | None = None
    ) -> Future[list[Outcome]]:
        printed = dict(pair.split() for pair in source.split(","))
        done: Future[list[Outcome]] = Future()
        done.set_result([
            Outcome(Status.OK, stdout=printed[stdin.strip()]) if stdin.strip() in printed else Outcome(Status.CRASH)
            for stdin in inputs
        ])  # fmt: skip
        return done


def test_a_test_that_most_programs_of_the_tester_contradict_is_left_out(answers: AnswerJournal) -> None:
    class WithPrograms(ScriptedTester):
        programs = ("1 2,2 5,3 6,4 8", "1 2,2 5,3 6,4 9", "2 4,3 6,5 10")

        def _text(self, ask: Ask, index: int) -> str:
            return super()._text(ask, index) if ask.role is Role.TESTER else f"```python\n{self.programs[index]}\n```"

    tester = WithPrograms(lambda index: unit_test(str(1 + index % 6), "0"), doubled)
    tests = write(tester, answers, check=ProgramCheck(Outputs(), 3, "whitespace"))
    # 2: most print 5; 4: no plurality; 6: every program fails. Only 2 costs votes that are lost.
    assert [(test.input.strip(), test.output) for test in tests] == [("1", "2"), ("3", "6"), ("5", "10")]
    assert len(tester.written) == ASKED + 3 + 4 * VOTES


def test_answers_that_are_kept_are_not_asked_for_again(tmp_path: Path) -> None:
    class Killed(Exception):
        """Stand-in for a kill."""

    def fresh() -> ScriptedTester:
        return ScriptedTester(lambda index: unit_test(str(index), "0"), doubled)

    whole = fresh()
    (tmp_path / "whole").mkdir()
    with AnswerJournal(tmp_path / "whole", LABEL_ANSWERS_FILE) as answers:
        expected = write(whole, answers)
    asked: list[tuple[str, int]] = []
    for killed_after in (3, ASKED, 20, 10**6):
        tester = fresh()

        def count(tester: ScriptedTester = tester, most: int = killed_after) -> None:
            if len(tester.written) >= most:
                raise Killed

        with AnswerJournal(tmp_path, LABEL_ANSWERS_FILE) as answers, contextlib.suppress(Killed):
            assert write(tester, answers, on_answer=count) == expected
        asked += tester.written
    assert len(asked) == len(set(asked)) == len(whole.written)


def test_tests_in_the_run_folder_belong_to_their_labels(tmp_path: Path) -> None:
    tests = {"a": (IOExample("1\n", "2\n"),), "b": ()}
    assert read_tests(tmp_path, "tester:preset:nano") == {}
    keep_tests(tmp_path, "tester:preset:nano", tests)
    assert read_tests(tmp_path, "tester:preset:nano") == tests
    assert read_tests(tmp_path, "tester:run:x@3") == {}


@pytest.mark.parametrize("text", ["", "{}", '{"version": 1, "labels": "x", "tasks": [{"task": 1}]}', "[" * 9999])
def test_a_corrupt_file_of_tests_is_one_line_with_a_remedy(tmp_path: Path, text: str) -> None:
    (tmp_path / LABELS_FILE).write_text(text)
    with pytest.raises(RunError, match="holds no tests") as refused:
        read_tests(tmp_path, "tester:preset:nano")
    assert "\n" not in str(refused.value)
    assert "then writes them again" in refused.value.remedy
