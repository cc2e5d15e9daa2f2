"""Iterative debugging (UTDebug, arXiv 2502.01619): repair the best program by the tests that it fails.

Generated tests are often wrong, and repairing a program for a wrong test breaks it. So the tester first predicts each
output several times, and only an output with a majority and a strict lead is used. A repair that passes a smaller share
of these tests is reverted; one that passes as many is what the next round begins with, while the choice prefers the
older of equal programs. The conversation grows over the rounds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from engine.prompts import Program
from engine.prompts.dialogue import output_messages, parse_output, repair_messages
from engine.sandbox import Outcome, Status, outputs_match
from engine.solve.options import option
from engine.solve.selectors import choose
from engine.solve.strategies.agreement import OutputVote
from engine.solve.strategies.board import Board, TestCase, TestStatus
from engine.solve.strategies.conversation import CONTEXT_CHARACTERS, cut, happened
from engine.solve.strategies.parts import Need, Part
from engine.solve.strategies.session import Session
from engine.solve.writers import Message


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

    def run(self, session: Session) -> None:
        with session.stage("sample"):
            session.sample(session.bench.n, session.bench.m)
        with session.stage("vote"):
            self._vote(session)
        with session.stage("repair"):
            self._repair(session)

    def usual_answers(self, n: int, m: int) -> tuple[int, int]:
        voted = self.votes * min(m, self.inputs)
        return n + m + voted, n + m + voted + self.rounds

    def _vote(self, session: Session) -> None:
        """Put the outputs of the tests to the vote; only confirmed tests vote from now on.

        A vote that ended before any output was confirmed leaves the tests as they are.
        """
        board = session.board
        inputs = list(dict.fromkeys(test.input for test in board.tests))[: self.inputs]
        if not inputs:
            return
        votes = [OutputVote(board.judging.comparison) for _ in inputs]
        questions = [
            session.question(Part.TESTER, f"vote-{place}", output_messages(session.bench.problem, stdin), self.votes)
            for place, stdin in enumerate(inputs)
        ]
        places = {question.ask.id: place for place, question in enumerate(questions)}
        with session.ask(*questions) as batch:
            for answer in batch:
                output = parse_output(answer.text, in_thought=session.is_in_thought(answer))
                if output is not None:
                    votes[places[answer.ask_id]].add(output)
        agreed = {
            stdin: output
            for stdin, vote in zip(inputs, votes, strict=True)
            if (output := vote.winner(-(-self.votes // 2))) is not None
        }
        if agreed or not session.ended:
            board.replace_tests(*_sorted_by_vote(board, agreed, set(inputs)))
            session.bench.observer.on_tests_settled(board)

    def _repair(self, session: Session) -> None:
        board = session.board
        base = choose(board.arrays(), session.selector)
        first = session.first_question(Part.CODER, 1).ask.messages
        room = CONTEXT_CHARACTERS - sum(len(message["content"]) for message in first)
        conversation: tuple[Message, ...] = ()
        written = {program.source for program in board.programs if isinstance(program, Program)}
        reverted = ""  # source of the last repair, if it made things worse
        for attempt in range(self.rounds if base is not None else 0):
            assert base is not None
            program = board.programs[base]
            failed = next((test for test in (*board.public, *board.tests) if board.verdict(base, test) is False), None)
            if not isinstance(program, Program) or failed is None:
                return
            outcome = board.outcome(base, failed.input) or Outcome(Status.OK)
            conversation = repair_messages(
                conversation, reverted or program.source, failed.input, failed.output, happened(outcome),
                outcome.stdout, is_reverted=bool(reverted),
            )  # fmt: skip
            conversation = cut(conversation, room)
            with session.ask(session.question(Part.CODER, f"repair-{attempt}", (*first, *conversation))) as batch:
                rows = [session.add_program(answer, parent=base, why="it fails a test") for answer in batch]
            session.settle()
            repaired = board.programs[rows[0]] if rows else None
            if not isinstance(repaired, Program):
                continue
            if repaired.source in written:
                return  # it repeats itself
            written.add(repaired.source)
            is_worse = _passed(session, rows[0]) < _passed(session, base)
            base, reverted = (base, repaired.source) if is_worse else (rows[0], "")


def _sorted_by_vote(board: Board, agreed: dict[str, str], voted: set[str]) -> tuple[list[TestCase], list[TestCase]]:
    """Return the confirmed tests, one for each input, and the others with what became of them."""
    confirmed: dict[str, TestCase] = {}
    retired: list[TestCase] = []
    for test in board.tests:
        output = agreed.get(test.input)
        if output is None:
            status = TestStatus.REFUSED if test.input in voted else TestStatus.UNVOTED
            retired.append(replace(test, status=status))
            continue
        if test.input not in confirmed:
            confirmed[test.input] = replace(test, output=output, status=TestStatus.CONFIRMED)
        if not outputs_match(output, test.output, board.judging.comparison):
            retired.append(replace(test, status=TestStatus.REPLACED))
    return list(confirmed.values()), retired


def _passed(session: Session, row: int) -> tuple[int, int]:
    """Return how many examples, and then how many tests, a program passes."""
    matrix = session.board.matrix()
    return int(matrix.truth_nt[row].sum()), int(matrix.votes_n[row])
