"""Agentic unit tests: the tester sees what programs print on its inputs, and refines its tests in turns.

The paper (CURE, arXiv 2506.03136) names this use of its tester without giving rounds and prompts; this is a definition
of our own. Programs are sampled once. Each test is a conversation: the outputs that occur on its input are shown, and
nothing is said of which is right. The tester keeps the test, corrects its output, or replaces the input by one that
tells the programs apart. A conversation ends when the test is kept, when it was discriminating and its output occurred
for two rounds running, at the second answer without a test, or after the last round.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from engine.prompts import Rejected, UnitTest
from engine.prompts.tester_turns import feedback_messages, reminder_messages
from engine.sandbox import Status, outputs_match
from engine.sandbox.output_groups import OutputGroups
from engine.solve.fates import unit_test_of
from engine.solve.options import option
from engine.solve.strategies.board import TestCase, TestStatus
from engine.solve.strategies.conversation import CONTEXT_CHARACTERS, cut, happened
from engine.solve.strategies.parts import Need, Part, Question
from engine.solve.strategies.session import Session
from engine.solve.writers import Answer, Message


@dataclass(slots=True)
class _Thread:
    """Conversation about one test. test: the last well-formed one; telling: rounds running in which it was telling."""

    answer: str
    test: TestCase | None
    conversation: tuple[Message, ...] = ()
    telling: int = 0
    malformed: int = 0
    is_over: bool = False


@dataclass(frozen=True)
class AgenticTests:
    """Strategy of tests that are refined by what programs print."""

    name: ClassVar[str] = "agentic-tests"
    summary: ClassVar[str] = "the tester sees what the programs print on its inputs, and refines its tests in turns"
    selector: ClassVar[str] = "bon"
    parts: ClassVar[tuple[Part, ...]] = (Part.CODER, Part.TESTER)
    needs: ClassVar[tuple[Need, ...]] = (Need.CONVERSATION,)

    rounds: int = option(3, "turns of each test at most", most=10)
    show_counts: bool = option(False, "show how many programs print each output")

    def run(self, session: Session) -> None:
        threads: dict[int, _Thread] = {}
        with session.stage("sample"):
            self._sample(session, threads)
        for number in range(1, self.rounds + 1):
            talking = [index for index in sorted(threads) if not threads[index].is_over]
            if not talking:
                break
            with session.stage(f"round {number}"):
                changed = self._turn(session, threads, talking, number)
                session.remarks.append(f"round {number}: {changed} of {len(talking)} tests changed")

    def usual_answers(self, n: int, m: int) -> tuple[int, int]:
        return n + 2 * m, n + m * (1 + self.rounds)

    def _sample(self, session: Session, threads: dict[int, _Thread]) -> None:
        bench = session.bench
        questions = [session.first_question(Part.CODER, bench.n)]
        questions += [session.first_question(Part.TESTER, bench.m)] if bench.m else []
        with session.ask(*questions) as batch:
            for answer in batch:
                if batch.part_of(answer) is Part.CODER:
                    session.add_program(answer, sample=answer.index)
                else:
                    column = session.add_test(answer)
                    test = None if column is None else session.board.tests[column]
                    threads[answer.index] = _Thread(answer.text, test, malformed=test is None)

    def _turn(self, session: Session, threads: dict[int, _Thread], talking: Sequence[int], number: int) -> int:
        """Continue the conversations by one turn; return how many tests have changed."""
        named = {f"round-{number}-{index}": index for index in talking}
        questions = [self._question(session, name, threads[index]) for name, index in named.items()]
        retired: list[TestCase] = []
        with session.ask(*questions) as batch:
            for answer in batch:
                old = _take(session, threads[named[answer.ask_id]], answer)
                retired += [replace(old, status=TestStatus.REPLACED)] if old is not None else []
        board = session.board
        board.replace_tests([each.test for _, each in sorted(threads.items()) if each.test is not None], retired)
        for row in range(len(board.programs)):
            missing = [stdin for stdin in board.inputs() if board.outcome(row, stdin) is None]
            session.execute(row, missing)
        session.settle()
        session.bench.observer.on_tests_settled(board)
        return len(retired)

    def _question(self, session: Session, name: str, thread: _Thread) -> Question:
        first = session.first_question(Part.TESTER, 1).ask.messages
        room = CONTEXT_CHARACTERS - sum(len(message["content"]) for message in first)
        if thread.test is None:
            turn = reminder_messages(thread.answer)
        else:
            outputs, occurs = _outputs(session, thread.test)
            thread.telling = thread.telling + 1 if occurs and len(outputs) > 1 else 0
            turn = feedback_messages(
                thread.answer, thread.test.input, outputs, occurs=occurs, show_counts=self.show_counts
            )
        thread.conversation = cut((*thread.conversation, *turn), room)
        return session.question(Part.TESTER, name, (*first, *thread.conversation))


def _take(session: Session, thread: _Thread, answer: Answer) -> TestCase | None:
    """Take the answer of one turn; return the test that it replaces, if it does."""
    found = unit_test_of(answer, in_thought=session.is_in_thought(answer))
    session.board.count_test(found)
    thread.answer = answer.text
    if isinstance(found, Rejected):
        thread.malformed += 1
        thread.is_over = thread.malformed > 1
        return None
    old = thread.test
    if old is not None and _is_same(session, old, found):
        thread.is_over = True
        return None
    # Two rounds running: this answer was the second in which the test told programs apart.
    thread.is_over = thread.telling > 1 and old is not None and old.input == found.input
    thread.test = TestCase(found.input, found.output, False, found.explanation)
    return old


def _is_same(session: Session, old: TestCase, new: UnitTest) -> bool:
    return old.input.split() == new.input.split() and outputs_match(
        old.output, new.output, session.board.judging.comparison
    )


def _outputs(session: Session, test: TestCase) -> tuple[list[tuple[str, int]], bool]:
    """Return what the programs do on a test's input, each once with its number, and whether one prints its output."""
    board = session.board
    groups, counts, failed = OutputGroups(board.judging.comparison), Counter[int](), Counter[str]()
    for row in sorted(range(len(board.programs)), key=board.samples.__getitem__):
        outcome = board.outcome(row, test.input)
        if outcome is None:
            continue
        if outcome.status is Status.OK:
            counts[groups.group(outcome.stdout)] += 1
        else:
            failed[f"nothing: {happened(outcome)}"] += 1
    outputs = [(groups.first[number - 1], count) for number, count in sorted(counts.items())]
    occurs = any(outputs_match(test.output, printed, board.judging.comparison) for printed, _ in outputs)
    return outputs + sorted(failed.items()), occurs
