"""Relative time rule: a program is over time where the other programs of its task needed far less CPU.

Endless loops, not forks, are what a batch costs, and a loop in every program costs one full limit each. Training can
afford a verdict that depends on the other programs of the task; evaluation and solving use the exact limit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import ClassVar

from engine.sandbox.outcome import Outcome, Status


class Peers:
    """CPU seconds by input of the programs of one task that ended well. The executor's lock guards it.

    A program's limit on an input is TIMES what the slowest of at least ENOUGH other programs needed, between FLOOR
    seconds and the exact limit; it is the exact limit while fewer have ended. So a verdict depends on which programs
    have ended before. `ended`: outcomes that follow from this rule; they hold for this task alone.
    """

    FLOOR: ClassVar[float] = 0.1
    TIMES: ClassVar[float] = 10.0
    ENOUGH: ClassVar[int] = 4

    def __init__(self) -> None:
        self.ended: dict[bytes, Outcome] = {}
        self._seconds: defaultdict[bytes, dict[bytes, float]] = defaultdict(dict)

    def note(self, text: bytes, digest: bytes, outcome: Outcome) -> None:
        """Note the time of a program on the input `text`; a program that ended in an error says nothing."""
        if outcome.status is Status.OK:
            self._seconds[text][digest] = outcome.cpu_seconds

    def limit(self, text: bytes, exact: float) -> float:
        """Return the CPU seconds for a program on the input `text`."""
        seconds = self._seconds[text].values()
        return min(exact, max(self.FLOOR, self.TIMES * max(seconds))) if len(seconds) >= self.ENOUGH else exact


TIME_RULES: Mapping[str, Callable[[], Peers | None]] = {"exact": lambda: None, "relative": Peers}
"""For each choice of `sandbox.time_rule`, what makes the peers of one task."""
