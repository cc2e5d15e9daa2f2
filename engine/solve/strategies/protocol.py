"""What a strategy is, and the ones there are."""

from __future__ import annotations

from typing import Protocol

from engine.errors import ConfigError
from engine.solve.strategies.bench import Bench
from engine.solve.strategies.evidence import Solution


class Strategy(Protocol):
    """`name` is what a user writes, `summary` what a list says of it."""

    name: str
    summary: str

    def solve(self, bench: Bench) -> Solution:
        """Spend the bench's budget on its problem. Interrupted (KeyboardInterrupt), it concludes with what is there.

        Raises CureError where a writer cannot be used at all.
        """
        ...


def _strategies() -> dict[str, Strategy]:
    from engine.solve.strategies.bon import BestOfN
    from engine.solve.strategies.codet import CodeT
    from engine.solve.strategies.debug import Debug
    from engine.solve.strategies.single import Single

    every: tuple[Strategy, ...] = (BestOfN(), CodeT(), Debug(), Single())
    return {strategy.name: strategy for strategy in every}


def strategy_names() -> list[str]:
    return list(_strategies())


def find_strategy(name: str) -> Strategy:
    """Raises ConfigError for a name that is none."""
    strategies = _strategies()
    if name not in strategies:
        raise ConfigError(f"no strategy '{name}'", f"use one of {', '.join(strategies)}")
    return strategies[name]
