"""Adaptive number of tests: more only while they can still change the choice or its support.

CodeRM (arXiv 2501.01054) spends tests where a trained probe expects difficulty. Here what is on the board decides: the
first tests come with the programs, more of them a few at a time until leader and runner-up print the same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from engine.solve.options import option
from engine.solve.selectors import choose, scores_n
from engine.solve.selectors.arrays import ids_of_equal_rows
from engine.solve.strategies.evidence import is_settled
from engine.solve.strategies.parts import Need, Part
from engine.solve.strategies.ranking import certain_leader
from engine.solve.strategies.session import Session


@dataclass(frozen=True)
class Auto:
    """Strategy of few tests for easy problems and many for hard ones."""

    name: ClassVar[str] = "auto"
    summary: ClassVar[str] = "asks for tests a few at a time, until neither choice nor support hangs on more"
    selector: ClassVar[str] = "bon"
    parts: ClassVar[tuple[Part, ...]] = (Part.CODER, Part.TESTER)
    needs: ClassVar[tuple[Need, ...]] = ()

    step: int = option(4, "tests asked for at a time", least=1, most=512)
    most: int = option(64, "tests asked for at most", least=1, most=512)

    def run(self, session: Session) -> None:
        asked = min(self.step, self.most) if session.bench.m else 0
        with session.stage("sample"):
            session.sample(session.bench.n, asked)
        with session.stage("more tests"):
            while 0 < asked < self.most and not self._is_settled(session, self.most - asked):
                known, asked = asked, min(asked + self.step, self.most)
                session.sample(0, asked, known=known)
                session.settle()
        if 0 < asked < self.most:
            has_choice = choose(session.board.arrays(), session.selector) is not None
            what = "choice and support were settled" if has_choice else "there was no program to test"
            session.note = f"{what} after {asked} tests"

    def usual_answers(self, n: int, m: int) -> tuple[int, int]:
        return n + self.step, n + self.most

    def _is_settled(self, session: Session, to_come: int) -> bool:
        """Tell whether neither the choice nor, within the next step, its support can change."""
        board = session.board
        leader = choose(board.arrays(), session.selector)
        if leader is None:
            return True
        is_chosen = certain_leader(board, to_come) == leader or _rivals_agree(session, leader)
        return is_chosen and is_settled(board, leader, session.bench.m, min(self.step, to_come))


def _rivals_agree(session: Session, leader: int) -> bool:
    """Tell whether leader and runner-up print the same on every input; True where there is no runner-up."""
    arrays = session.board.arrays()
    scores = scores_n(arrays, session.selector)
    rows_k = np.flatnonzero(~np.isnan(scores))
    others_k = rows_k[rows_k != leader]
    if not len(others_k):
        return True
    second = others_k[np.lexsort((arrays.sample_n[others_k], -scores[others_k]))[0]]
    ids_n = ids_of_equal_rows(arrays.outputs_nx)
    return bool(ids_n[second] == ids_n[leader])
