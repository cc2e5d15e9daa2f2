"""Progress of a phase in words: done and total, rate, time left; the same in every view."""

from __future__ import annotations

from dataclasses import dataclass

from cure_tui.runs.step_line import clock
from engine.runs.live import LiveView
from engine.runs.state import Phase


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a phase. rates are a second; left in seconds. None: unknown."""

    name: str
    done: int
    total: int
    unit: str
    rate: float | None
    token_rate: float | None
    left: float | None

    @property
    def counts(self) -> str:
        """Done and total, without the unit: "120/896"."""
        return f"{self.done:,}/{self.total:,}" if self.total else f"{self.done:,}"

    @property
    def pace(self) -> str:
        """Tokens a second and time left: "750 tok/s, 9:38 left"; "" as long as neither is known."""
        parts = [f"{self.token_rate:,.0f} tok/s"] if self.token_rate is not None else []
        parts += [f"{clock(self.left)} left"] if self.left is not None else []
        return ", ".join(parts)

    def __str__(self) -> str:
        counted = f"{self.counts} {self.unit}".rstrip()
        rate = f", {self.rate:.2g} a second" if self.rate is not None and not self.token_rate else ""
        return f"{self.name}: {counted}{rate}{f', {self.pace}' if self.pace else ''}"


def progress_of(phase: Phase | None, live: LiveView | None = None) -> Progress | None:
    """Return the progress of a phase; None for a phase that counts nothing, or has not begun to."""
    if phase is None:
        return None
    done, total = phase.done or 0, phase.total or 0
    if live is not None and live.phase == phase.name and live.total:
        done, total = live.done, live.total
    if not done and not phase.tokens:
        return None
    return Progress(phase.name, done, total, phase.unit, phase.rate, phase.token_rate, phase.seconds_left)
