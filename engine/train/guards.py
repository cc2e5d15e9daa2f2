"""What the user is told of an update that did not go as planned, and when such updates end the run."""

from __future__ import annotations

from collections.abc import Callable

from engine.errors import RunError
from engine.policy.samples import UpdateReport

MOST_LOST_IN_A_ROW = 3
"""One update that is NaN may be an odd sample's; three are the settings' or the machine's."""


class UpdateWatch:
    """Looks at every update's report. `warn` writes a sentence into the journal."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._lost_in_a_row = 0

    def look(self, report: UpdateReport) -> None:
        """Tell what is odd about `report`."""
        for note in report.notes:
            self._warn(note)
        if not report.nonfinite:
            self._lost_in_a_row = 0
            return
        lost = report.optimiser_steps == 0
        self._lost_in_a_row = self._lost_in_a_row + 1 if lost else 0
        what = "the update was" if lost else f"{report.nonfinite_steps} optimiser steps of the update were"
        self._warn(f"NaN or inf in the loss or its gradient: {what} left out, the policy is as it was before")

    def check(self) -> None:
        """Raises RunError where going on would only waste time; the policy is sound, so a checkpoint is, too."""
        if self._lost_in_a_row >= MOST_LOST_IN_A_ROW:
            raise RunError(
                f"the loss or its gradient was NaN or inf in {self._lost_in_a_row} updates in a row",
                "nothing of them was learnt and the checkpoint is sound: in the run's config.toml lower "
                'policy.learning_rate, or set policy.precision = "fp32" where memory allows, then resume the run',
            )
