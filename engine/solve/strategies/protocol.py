"""Protocol and registry of strategies."""

from __future__ import annotations

from typing import Protocol

from engine.errors import ConfigError
from engine.solve.strategies.bench import Bench
from engine.solve.strategies.evidence import Solution


class Strategy(Protocol):
    """Way to solve a problem; `name`: its value for `--strategy`, `summary`: its line in the help."""

    name: str
    summary: str

    def solve(self, bench: Bench) -> Solution:
        """Solve the bench's problem within its budget. After a KeyboardInterrupt, choose from what is there.

        Raises CureError if a writer cannot be used at all.
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
    """Return the strategy of that name. Raises ConfigError for an unknown one."""
    strategies = _strategies()
    if name not in strategies:
        raise ConfigError(f"no strategy '{name}'", f"use one of {', '.join(strategies)}")
    return strategies[name]
