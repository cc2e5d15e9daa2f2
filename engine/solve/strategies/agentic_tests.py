"""Agentic unit tests: the tester sees what programs print on its inputs, and refines its tests in turns.

The paper (CURE, arXiv 2506.03136) names this use of its tester without giving rounds and prompts; this is a definition
of our own. Programs are sampled once. Each test is a conversation: the outputs that occur on its input are shown, and
nothing is said of which is right. The tester keeps the test, corrects its output, or replaces the input by one that
tells the programs apart. A conversation ends when the test is kept, when it was discriminating and its output occurred
for two rounds running, at the second answer without a test, or after the last round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from engine.solve.options import option
from engine.solve.strategies.board import TestCase, TestStatus
from engine.solve.strategies.parts import Need, Part
from engine.solve.strategies.session import Session
from engine.solve.strategies.threads import Thread, take_turn, turn_question


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
        threads: dict[int, Thread] = {}
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

    def _sample(self, session: Session, threads: dict[int, Thread]) -> None:
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
                    threads[answer.index] = Thread(answer.text, test, malformed=test is None)

    def _turn(self, session: Session, threads: dict[int, Thread], talking: Sequence[int], number: int) -> int:
        """Continue the conversations by one turn; return how many tests have changed."""
        named = {f"round-{number}-{index}": index for index in talking}
        questions = [
            turn_question(session, name, threads[index], show_counts=self.show_counts) for name, index in named.items()
        ]
        retired: list[TestCase] = []
        with session.ask(*questions) as batch:
            for answer in batch:
                old = take_turn(session, threads[named[answer.ask_id]], answer)
                retired += [replace(old, status=TestStatus.REPLACED)] if old is not None else []
        session.change_tests([each.test for _, each in sorted(threads.items()) if each.test is not None], retired)
        return len(retired)
