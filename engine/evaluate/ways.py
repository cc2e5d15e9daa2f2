"""Ways of spending an evaluation's answers: strategies and selectors by their names in `cure-tui eval --strategy`.

bon, auto:step=2      a strategy, which chooses by its own selector
debug/consensus       a strategy with another selector
b4:a=5                a selector alone: that of `bon`, which samples everything at once
all                   every strategy, and every selector that none is named after
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from engine.errors import ConfigError
from engine.evaluate.models import Model
from engine.solve.needs import unmet_need
from engine.solve.options import split_name
from engine.solve.selectors import SELECTORS, Selector, find_selector
from engine.solve.strategies import Part, Strategy, find_strategy, strategy_names
from engine.solve.strategies.auto import Auto

BASE = "bon"
"""Way that the others are compared with."""
SINGLE = "single"
_SAMPLES_ONCE = (BASE, "codet", SINGLE)
ALL = "all"


@dataclass(frozen=True)
class Way:
    """Way of spending answers: a strategy, and the selector that chooses in the end."""

    name: str
    strategy: Strategy
    selector: Selector

    @property
    def is_choice(self) -> bool:
        """Tell whether all answers are sampled at once, so that a board sampled before serves, and parts of it."""
        return self.strategy.name in _SAMPLES_ONCE

    def within(self, n: int, m: int) -> tuple[Strategy, int] | None:
        """Return the strategy, and k for which it asks for n + m answers at most with k programs and k tests."""
        strategy = self.strategy
        if isinstance(strategy, Auto):  # its tests are those of the board
            strategy = replace(strategy, most=min(strategy.most, m))
            return strategy, n
        fitting = [k for k in range(1, min(n, m) + 1) if strategy.usual_answers(k, k)[1] <= n + m]
        return (strategy, fitting[-1]) if fitting else None


def find_way(name: str) -> Way:
    """Return the way of a name. Raises ConfigError for an unknown strategy, selector or option."""
    before, slash, after = name.partition("/")
    if slash:
        strategy = find_strategy(before)
        return Way(name, strategy, find_selector(after))
    known, _ = split_name(name)
    if known in strategy_names():
        strategy = find_strategy(name)
        return Way(name, strategy, find_selector(strategy.selector))
    if known in SELECTORS:
        return Way(name, find_strategy(BASE), find_selector(name))
    raise ConfigError(
        f"no strategy or selector '{known}'", f"use {ALL}, or of {', '.join((*strategy_names(), *_only_selectors()))}"
    )


def named_ways(text: str) -> tuple[str, ...]:
    """Return the names in the value of `--strategy`, each once, best of n first. Raises ConfigError as `find_way`."""
    names: list[str] = []
    for part in filter(None, map(str.strip, text.split(","))):
        if names and "=" in part and ":" not in part:  # a further option of the way before
            names[-1] += f",{part}"
        else:
            names.append(part)
    if not names:
        raise ConfigError("--strategy names none", f"write {ALL}, or names with commas: bon,consensus")
    found = list(dict.fromkeys(each for name in names for each in (_every() if name == ALL else (name,))))
    for name in found:
        find_way(name)
    return tuple(dict.fromkeys((BASE, *found)))


def followed(names: Iterable[str], coder: Model, tester: Model) -> tuple[tuple[Way, ...], dict[str, str]]:
    """Return the ways that these models can follow, and the reason of each other one by its name.

    The coder judges, and the tester specifies.
    """
    styles = {coder.spec: coder.style, tester.spec: tester.style}
    specs = {Part.CODER: coder.spec, Part.TESTER: tester.spec, Part.JUDGE: coder.spec, Part.SPECIFIER: tester.spec}
    ways, left_out = [], {}
    for way in map(find_way, names):
        if unmet := unmet_need(way.strategy, specs, styles.__getitem__):
            left_out[way.name] = f"{unmet}, and this is a conversation"
        else:
            ways.append(way)
    return tuple(ways), left_out


def _every() -> Sequence[str]:
    return (*strategy_names(), *_only_selectors())


def _only_selectors() -> list[str]:
    """Return the ways of the selectors that no strategy without conversation is named after."""
    return [f"{BASE}/{name}" if name in strategy_names() else name for name in SELECTORS if name not in _SAMPLES_ONCE]
