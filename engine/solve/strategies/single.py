"""Baseline of strategies: one answer, taken as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.solve.strategies.parts import Need, Part
from engine.solve.strategies.session import Session


@dataclass(frozen=True)
class Single:
    """Strategy of one program. Tests are still sampled: they do not choose, but show how far to trust it."""

    name: ClassVar[str] = "single"
    summary: ClassVar[str] = "one program as it is; tests only say how far to trust it"
    selector: ClassVar[str] = "bon"
    parts: ClassVar[tuple[Part, ...]] = (Part.CODER, Part.TESTER)
    needs: ClassVar[tuple[Need, ...]] = ()

    def run(self, session: Session) -> None:
        try:
            with session.stage("sample"):
                session.sample(1, session.bench.m)
        finally:
            session.chosen = 0 if session.board.programs else None

    def usual_answers(self, n: int, m: int) -> tuple[int, int]:
        return 1 + m, 1 + m
