"""Progress of a phase in words: done and total, rate, time left; the same in every view."""

from __future__ import annotations

from dataclasses import dataclass

from cure_tui.runs.step_line import clock
from engine.runs.live import LiveView
from engine.runs.state import Phase, RunState


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


def update_progress(state: RunState, waited: float) -> tuple[float, float] | None:
    """Return seconds of the update so far, and those that the last one took; None in other phases or before any.

    An update counts nothing that could be reported: the same work took about as long a step before.
    """
    phase, usual = state.phase, state.metrics.get("seconds_update")
    if phase is None or phase.name != "update" or not usual:
        return None
    return max(0.0, state.seconds + waited - phase.seconds), usual


def progress_of(phase: Phase | None, live: LiveView | None = None, waited: float = 0.0) -> Progress | None:
    """Return the progress of a phase; None for a phase that counts nothing, or has not begun to.

    waited: seconds since the last event, by which the time left is less.
    """
    if phase is None:
        return None
    done, total = phase.done or 0, phase.total or 0
    if live is not None and live.phase == phase.name and live.total:
        done, total = live.done, live.total
    if not done and not phase.tokens:
        return None
    left = None if phase.seconds_left is None else max(0.0, phase.seconds_left - waited)
    return Progress(phase.name, done, total, phase.unit, phase.rate, phase.token_rate, left)
