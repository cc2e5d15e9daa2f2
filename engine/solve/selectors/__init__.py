"""Selectors: each chooses a program from a finished board, as a pure function of its arrays.

    selector = find_selector("b4:a=10")
    row = choose(arrays, selector)

A selector is one file with one class and a line in SELECTORS. Every selector sees the same programs, those which
`engine.solve.selectors.choice.eligible_n` leaves, and ties go to the lowest sample index.
"""

from collections.abc import Mapping

from engine.errors import ConfigError
from engine.solve.options import configured, split_name
from engine.solve.selectors.arrays import BoardArrays
from engine.solve.selectors.b4 import B4
from engine.solve.selectors.bon import Bon
from engine.solve.selectors.choice import Selector, choose, eligible_n, scores_n
from engine.solve.selectors.codet import CodeT
from engine.solve.selectors.consensus import Consensus
from engine.solve.selectors.majority import Majority
from engine.solve.selectors.mpsc import MPSC

__all__ = ["SELECTORS", "BoardArrays", "Selector", "choose", "eligible_n", "find_selector", "scores_n"]

SELECTORS: Mapping[str, type[Selector]] = {
    "bon": Bon,
    "codet": CodeT,
    "consensus": Consensus,
    "b4": B4,
    "mpsc": MPSC,
    "majority": Majority,
}


def find_selector(text: str) -> Selector:
    """Return the selector of "NAME" or "NAME:key=value,...". Raises ConfigError for an unknown name or option."""
    name, given = split_name(text)
    if name not in SELECTORS:
        raise ConfigError(f"no selector '{name}'", f"use one of {', '.join(SELECTORS)}")
    return configured(SELECTORS[name], given)
