"""Budget for solving one problem, and the account of what it has cost so far."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field

from engine.errors import ConfigError
from engine.solve.writers import Answer

_PATTERN = re.compile(r"^(?:\$(?P<dollars>\d+(?:\.\d+)?)|(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>s|m|min|tok|tokens|k))$")


@dataclass(frozen=True, slots=True)
class Budget:
    """Bounds, None for no bound. Sampling ends at the first one reached; the choice is made from what is there."""

    seconds: float | None = None
    tokens: int | None = None
    dollars: float | None = None

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Parse "30s", "2m", "20000tok", "20k", "$0.10", or several separated by commas. Raises ConfigError."""
        seconds = tokens = dollars = None
        for part in filter(None, (part.strip() for part in text.split(","))):
            found = _PATTERN.match(part)
            if not found:
                raise ConfigError(
                    f"--budget '{part}' is not a budget", "write 30s, 2m, 20000tok or $0.10, or several with commas"
                )
            if found["dollars"]:
                dollars = float(found["dollars"])
            elif found["unit"] in ("s", "m", "min"):
                seconds = float(found["number"]) * (1 if found["unit"] == "s" else 60)
            else:
                tokens = round(float(found["number"]) * (1000 if found["unit"] == "k" else 1))
            if not float(found["dollars"] or found["number"]):
                raise ConfigError(f"--budget '{part}' leaves nothing to spend", "leave --budget out for no limit")
        return cls(seconds, tokens, dollars)


@dataclass(slots=True)
class Spent:
    """Running account of answers, tokens, dollars and seconds."""

    started: float = field(default_factory=time.monotonic)
    answers: int = 0
    prompt_tokens: int = 0
    tokens: int = 0
    dollars: float = 0.0

    def add(self, answer: Answer) -> None:
        self.answers += 1
        self.prompt_tokens += answer.prompt_tokens
        self.tokens += answer.tokens
        self.dollars += answer.dollars

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def beyond(self, budget: Budget) -> str:
        """Return the bound that is reached, in words; "" if none is."""
        if budget.seconds is not None and self.seconds >= budget.seconds:
            return f"{budget.seconds:g} s"
        if budget.tokens is not None and self.tokens >= budget.tokens:
            return f"{budget.tokens} tokens"
        if budget.dollars is not None and self.dollars >= budget.dollars:
            return f"${budget.dollars:g}"
        return ""
