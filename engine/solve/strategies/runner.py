"""Runner of strategies: a session from its first question to the choice, whatever ends it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.solve.selectors import choose, find_selector, scores_n
from engine.solve.strategies.bench import Bench
from engine.solve.strategies.evidence import Solution, conclude
from engine.solve.strategies.protocol import Strategy
from engine.solve.strategies.session import Ended, Session


def solve(strategy: Strategy, bench: Bench) -> Solution:
    """Solve the bench's problem within its budget. After a KeyboardInterrupt, choose from what is there.

    Raises CureError if a writer cannot be used at all.
    """
    session = Session(bench, bench.selector or find_selector(strategy.selector))
    try:
        strategy.run(session)
        session.settle()
    except Ended:
        session.settle()
    except KeyboardInterrupt:
        session.end("interrupted")
    return _conclude(strategy, session)


def _conclude(strategy: Strategy, session: Session) -> Solution:
    board, selector = session.board, session.selector
    arrays = board.arrays()
    chosen = choose(arrays, selector) if session.chosen is None else session.chosen
    solution = conclude(
        strategy.name, board, chosen, session.ended or session.note, asked_for=session.asked_for
    )  # fmt: skip
    solution = replace(solution, trail=session.costs, remarks=tuple(session.remarks))
    if session.chosen is not None:
        return solution
    scores = tuple(None if np.isnan(score) else float(score) for score in scores_n(arrays, selector))
    return replace(solution, select=selector.name, scores=scores)
