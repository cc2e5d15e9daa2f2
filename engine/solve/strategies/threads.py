"""Conversations about single tests: what programs print on a test's input, and what the tester makes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from engine.prompts import Rejected, UnitTest
from engine.prompts.tester_turns import feedback_messages, reminder_messages
from engine.sandbox import Status, outputs_match
from engine.sandbox.output_groups import OutputGroups
from engine.solve.fates import unit_test_of
from engine.solve.strategies.board import TestCase
from engine.solve.strategies.conversation import CONTEXT_CHARACTERS, cut, happened
from engine.solve.strategies.parts import Part, Question
from engine.solve.strategies.session import Session
from engine.solve.writers import Answer, Message


@dataclass(slots=True)
class Thread:
    """Conversation about one test. test: the last well-formed one; telling: rounds running in which it was telling."""

    answer: str
    test: TestCase | None
    conversation: tuple[Message, ...] = ()
    telling: int = 0
    malformed: int = 0
    is_over: bool = False


def turn_question(
    session: Session, name: str, thread: Thread, *, rows: Sequence[int] | None = None, show_counts: bool = False
) -> Question:
    """Continue a conversation by what programs print on the test's input, or by a reminder of the form.

    rows: of the programs that are shown; None for all. show_counts: say how many programs print each output.
    """
    first = session.first_question(Part.TESTER, 1).ask.messages
    room = CONTEXT_CHARACTERS - sum(len(message["content"]) for message in first)
    if thread.test is None:
        turn = reminder_messages(thread.answer)
    else:
        outputs, occurs = _outputs(session, thread.test, range(len(session.board.programs)) if rows is None else rows)
        thread.telling = thread.telling + 1 if occurs and len(outputs) > 1 else 0
        turn = feedback_messages(thread.answer, thread.test.input, outputs, occurs=occurs, show_counts=show_counts)
    thread.conversation = cut((*thread.conversation, *turn), room)
    return session.question(Part.TESTER, name, (*first, *thread.conversation))


def take_turn(session: Session, thread: Thread, answer: Answer) -> TestCase | None:
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


def _outputs(session: Session, test: TestCase, rows: Sequence[int]) -> tuple[list[tuple[str, int]], bool]:
    """Return what programs do on a test's input, each once with its number, and whether one prints its output."""
    board = session.board
    groups, counts, failed = OutputGroups(board.judging.comparison), Counter[int](), Counter[str]()
    for row in sorted(rows, key=board.samples.__getitem__):
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
