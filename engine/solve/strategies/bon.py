"""Best of n: sample n programs and m tests at once, and choose by a selector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.solve.selectors.bon import Bon
from engine.solve.strategies.evidence import is_settled
from engine.solve.strategies.parts import Need, Part
from engine.solve.strategies.ranking import certain_leader
from engine.solve.strategies.session import Session


@dataclass(frozen=True)
class BestOfN:
    """Strategy of the paper. With its own selector it stops early when the leader cannot be overtaken."""

    name: ClassVar[str] = "bon"
    summary: ClassVar[str] = "the program that passes most tests; ends early when none can overtake it"
    selector: ClassVar[str] = "bon"
    parts: ClassVar[tuple[Part, ...]] = (Part.CODER, Part.TESTER)
    needs: ClassVar[tuple[Need, ...]] = ()

    def run(self, session: Session) -> None:
        bench = session.bench

        def is_decided(tests_to_come: int) -> str:
            leader = certain_leader(session.board, tests_to_come)
            decided = leader is not None and is_settled(session.board, leader, bench.m, tests_to_come)
            return "the leader could not be overtaken" if decided else ""

        with session.stage("sample"):
            session.sample(bench.n, bench.m, enough=is_decided if isinstance(session.selector, Bon) else None)

    def usual_answers(self, n: int, m: int) -> tuple[int, int]:
        return n + m // 2, n + m
