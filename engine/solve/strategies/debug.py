"""Iterative debugging (UTDebug, arXiv 2502.01619): repair the best program by the tests that it fails.

Generated tests are often wrong, and repairing a program for a wrong test breaks it. So the tester first predicts each
output several times, and only an output with a majority and a strict lead is used. A repair that passes a smaller share
of these tests is reverted; one that passes as many is what the next round begins with, while the choice prefers the
older of equal programs. The conversation grows over the rounds.

With `remade`, as UTDebug does it, tests are made anew after each accepted repair: the tester sees the program, is told
that it is wrong, and aims at it. The next round repairs by those alone; all confirmed tests choose in the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from engine.prompts import Program, UnitTest
from engine.prompts.dialogue import repair_messages
from engine.prompts.tester_turns import aimed_messages
from engine.sandbox import Outcome, Status
from engine.solve.fates import unit_test_of
from engine.solve.options import option
from engine.solve.selectors import choose
from engine.solve.strategies.asking import ask_programs
from engine.solve.strategies.board import TestCase
from engine.solve.strategies.conversation import CONTEXT_CHARACTERS, cut, happened
from engine.solve.strategies.parts import Need, Part
from engine.solve.strategies.session import Session
from engine.solve.strategies.voting import sorted_by_vote, vote_on_outputs
from engine.solve.writers import Message

_ATTEMPTS = 4
"""Times that the tester is asked for tests with distinct inputs."""


@dataclass(frozen=True)
class Debug:
    """Strategy of voting and repair."""

    name: ClassVar[str] = "debug"
    summary: ClassVar[str] = "repairs the best program against tests whose outputs were put to the vote"
    selector: ClassVar[str] = "bon"
    parts: ClassVar[tuple[Part, ...]] = (Part.CODER, Part.TESTER)
    needs: ClassVar[tuple[Need, ...]] = (Need.CONVERSATION,)

    votes: int = option(8, "predictions of each output", least=1, most=64)
    inputs: int = option(8, "inputs whose outputs are put to the vote", least=0, most=512)
    rounds: int = option(3, "repairs at most", least=0, most=20)
    remade: int = option(0, "tests made anew after each accepted repair", least=0, most=64)

    def run(self, session: Session) -> None:
        with session.stage("sample"):
            session.sample(session.bench.n, session.bench.m)
        with session.stage("vote"):
            self._vote(session)
        with session.stage("repair"):
            self._repair(session)

    def usual_answers(self, n: int, m: int) -> tuple[int, int]:
        voted = self.votes * min(m, self.inputs)
        remade = max(self.rounds - 1, 0) * self.remade * (1 + self.votes)
        return n + m + voted, n + m + voted + self.rounds + remade

    @property
    def _majority(self) -> int:
        return -(-self.votes // 2)

    def _vote(self, session: Session) -> None:
        """Put the outputs of the tests to the vote; only confirmed tests vote from now on.

        A vote that ended before any output was confirmed leaves the tests as they are.
        """
        board = session.board
        inputs = list(dict.fromkeys(test.input for test in board.tests))[: self.inputs]
        if not inputs:
            return
        agreed = vote_on_outputs(session, inputs, self.votes, self._majority)
        if agreed or not session.ended:
            board.replace_tests(*sorted_by_vote(board.tests, agreed, set(inputs), board.judging.comparison))
            session.bench.observer.on_tests_settled(board)

    def _repair(self, session: Session) -> None:
        board = session.board
        base = choose(board.arrays(), session.selector)
        first = session.first_question(Part.CODER, 1).ask.messages
        room = CONTEXT_CHARACTERS - sum(len(message["content"]) for message in first)
        conversation: tuple[Message, ...] = ()
        written = {program.source for program in board.programs if isinstance(program, Program)}
        reverted = ""  # source of the last repair, if it made things worse
        tests = list(board.tests)
        for attempt in range(self.rounds if base is not None else 0):
            assert base is not None
            program = board.programs[base]
            failed = next((test for test in (*board.public, *tests) if board.verdict(base, test) is False), None)
            if not isinstance(program, Program) or failed is None:
                return
            outcome = board.outcome(base, failed.input) or Outcome(Status.OK)
            conversation = repair_messages(
                conversation, reverted or program.source, failed.input, failed.output, happened(outcome),
                outcome.stdout, is_reverted=bool(reverted),
            )  # fmt: skip
            conversation = cut(conversation, room)
            name = f"repair-{attempt}"
            question = session.question(Part.CODER, name, (*first, *conversation))
            row = ask_programs(session, [question], {name: (base, "it fails a test")}).get(name)
            repaired = None if row is None else board.programs[row]
            if row is None or not isinstance(repaired, Program):
                continue
            if repaired.source in written:
                return  # it repeats itself
            written.add(repaired.source)
            if _passed(session, row, tests) < _passed(session, base, tests):
                reverted = repaired.source
                continue
            base, reverted = row, ""
            if self.remade and attempt < self.rounds - 1:
                tests = self._made_anew(session, repaired.source, attempt)
                if not tests:
                    return

    def _made_anew(self, session: Session, source: str, attempt: int) -> list[TestCase]:
        """Return confirmed tests aimed at a program, of distinct new inputs, and add them to those on the board."""
        board = session.board
        first = session.first_question(Part.TESTER, 1).ask.messages
        found: dict[str, TestCase] = {}
        for number in range(_ATTEMPTS):
            if len(found) >= self.remade:
                break
            name, missing = f"remade-{attempt}-{number}", self.remade - len(found)
            question = session.question(Part.TESTER, name, aimed_messages(first, source), missing)
            made: dict[int, UnitTest] = {}
            with session.ask(question) as batch:
                for answer in batch:
                    test = unit_test_of(answer, in_thought=session.is_in_thought(answer))
                    board.count_test(test)
                    if isinstance(test, UnitTest):
                        made[answer.index] = test
            for _, test in sorted(made.items()):
                if test.input not in board.inputs():
                    found.setdefault(test.input, TestCase(test.input, test.output, False, test.explanation))
        agreed = vote_on_outputs(session, list(found), self.votes, self._majority, f"revote-{attempt}")
        confirmed, retired = sorted_by_vote(list(found.values()), agreed, set(found), board.judging.comparison)
        session.change_tests([*board.tests, *confirmed], retired)
        return confirmed


def _passed(session: Session, row: int, tests: Sequence[TestCase]) -> tuple[int, int]:
    """Return how many examples, and then how many of the tests, a program passes."""
    board = session.board
    return tuple(sum(board.verdict(row, test) is True for test in kind) for kind in (board.public, tests))  # type: ignore[return-value]  # two kinds
