"""CodeT (Chen et al., arXiv 2207.10397): sample n programs and m tests, take one of the best group of programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.solve.strategies.parts import Need, Part
from engine.solve.strategies.session import Session


@dataclass(frozen=True)
class CodeT:
    """Strategy of agreement: all samples, and the selector `codet`."""

    name: ClassVar[str] = "codet"
    summary: ClassVar[str] = "groups programs by the tests they pass: sqrt(programs) x tests decides"
    selector: ClassVar[str] = "codet"
    parts: ClassVar[tuple[Part, ...]] = (Part.CODER, Part.TESTER)
    needs: ClassVar[tuple[Need, ...]] = ()

    def run(self, session: Session) -> None:
        with session.stage("sample"):
            session.sample(session.bench.n, session.bench.m)

    def usual_answers(self, n: int, m: int) -> tuple[int, int]:
        return n + m, n + m
