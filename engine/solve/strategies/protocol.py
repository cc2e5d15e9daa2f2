"""Protocol and registry of strategies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

from engine.errors import ConfigError
from engine.solve.options import configured, split_name
from engine.solve.strategies.parts import Need, Part
from engine.solve.strategies.session import Session


class Strategy(Protocol):
    """Way to solve a problem; its options are its fields, made by `engine.solve.options.option`.

    name: its value for `--strategy`; summary: its line in the list; selector: what chooses unless `--select` says
    otherwise; parts: of the writers that it asks; needs: looked at before anything is loaded.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    selector: ClassVar[str]
    parts: ClassVar[tuple[Part, ...]]
    needs: ClassVar[tuple[Need, ...]]

    def run(self, session: Session) -> None:
        """Gather programs and tests on the session's board; the runner chooses."""
        ...

    def usual_answers(self, n: int, m: int) -> tuple[int, int]:
        """Return how many answers n programs and m tests usually take, the fewest and the most."""
        ...


def _strategies() -> Mapping[str, type[Strategy]]:
    from engine.solve.strategies.agentic_tests import AgenticTests
    from engine.solve.strategies.alphacodium import AlphaCodium
    from engine.solve.strategies.auto import Auto
    from engine.solve.strategies.bon import BestOfN
    from engine.solve.strategies.codet import CodeT
    from engine.solve.strategies.coplay import CoPlay
    from engine.solve.strategies.debug import Debug
    from engine.solve.strategies.mpsc import MPSC
    from engine.solve.strategies.single import Single
    from engine.solve.strategies.sstar import SStar

    every: tuple[type[Strategy], ...] = (
        BestOfN,
        CodeT,
        Auto,
        Debug,
        SStar,
        MPSC,
        AgenticTests,
        CoPlay,
        AlphaCodium,
        Single,
    )
    return {strategy.name: strategy for strategy in every}


def strategy_names() -> list[str]:
    return list(_strategies())


def find_strategy(text: str) -> Strategy:
    """Return the strategy of "NAME" or "NAME:key=value,...". Raises ConfigError for an unknown name or option."""
    name, given = split_name(text)
    strategies = _strategies()
    if name not in strategies:
        raise ConfigError(f"no strategy '{name}'", f"use one of {', '.join(strategies)}")
    return configured(strategies[name], given)
