"""Budget for solving, and what one problem has cost so far."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.errors import ConfigError
from engine.solve.writers import Account, Answer, Cost
from engine.solve.writers.spec import WriterSpec

_PATTERN = re.compile(
    r"^(?:\$(?P<dollars>\d+(?:\.\d+)?)|(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>s|m|min|h|tok|tokens|k))$"
)
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Budget:
    """Bounds, None for no bound. Sampling ends at the first one reached; the choice is made from what is there.

    seconds: for each problem. tokens (of prompts and answers) and dollars: for all problems of the command together.
    """

    seconds: float | None = None
    tokens: int | None = None
    dollars: float | None = None

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Parse "30s", "2m", "1h", "20000tok", "20k", "$0.10", or several separated by commas. Raises ConfigError."""
        seconds = tokens = dollars = None
        for part in filter(None, (part.strip() for part in text.split(","))):
            found = _PATTERN.match(part)
            if not found:
                raise ConfigError(
                    f"--budget '{part}' is not a budget", "write 30s, 2m, 20000tok or $0.10, or several with commas"
                )
            if (dollars, seconds, tokens)[0 if found["dollars"] else 1 if found["unit"] in _SECONDS else 2] is not None:
                raise ConfigError(f"--budget '{part}' sets a limit that is given twice", "give one of each kind")
            if found["dollars"]:
                dollars = float(found["dollars"])
            elif found["unit"] in _SECONDS:
                seconds = float(found["number"]) * _SECONDS[found["unit"]]
            else:
                tokens = round(float(found["number"]) * (1000 if found["unit"] == "k" else 1))
            if not float(found["dollars"] or found["number"]) or tokens == 0:
                raise ConfigError(f"--budget '{part}' leaves nothing to spend", "leave --budget out for no limit")
        return cls(seconds, tokens, dollars)


def refuse_unbound_limits(specs: Sequence[WriterSpec], budget: Budget) -> None:
    """Raise ConfigError for a limit in dollars that no price can bind. Looked at before a model is loaded."""
    if budget.dollars is None:
        return
    from engine.solve.writers.endpoints import endpoints_file, find_endpoint

    endpoints = [find_endpoint(spec.name, spec.url) for spec in specs if spec.kind == "openai"]
    if not endpoints:
        raise ConfigError("--budget limits dollars, and local models cost none", "limit seconds or tokens")
    for endpoint in endpoints:
        if endpoint.price is None:
            raise ConfigError(
                f"--budget limits dollars, and {endpoint.model} has no price",
                f'add [price."{endpoint.model}"] with input and output to {endpoints_file()}',
            )


@dataclass(slots=True)
class Spent:
    """Cost of one problem, a part of the command's account."""

    account: Account = field(default_factory=Account)
    started: float = field(default_factory=time.monotonic)
    _before: tuple[Cost, Cost] = field(init=False)

    def __post_init__(self) -> None:
        self._before = self.account.paid, self.account.lost

    def add(self, answer: Answer) -> None:
        self.account.settle(answer.reservation, answer.cost)

    @property
    def cost(self) -> Cost:
        return self.account.paid - self._before[0]

    @property
    def given_up(self) -> Cost:
        """Estimated cost of requests whose answers were not waited for."""
        return self.account.lost - self._before[1]

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def beyond(self, budget: Budget) -> str:
        """Return the bound that is reached, in words; "" if none is."""
        if budget.seconds is not None and self.seconds >= budget.seconds:
            return f"{budget.seconds:g} s"
        spent = self.account.paid + self.account.lost
        return self.account.full or spent.beyond(budget.tokens, budget.dollars, at=True)
