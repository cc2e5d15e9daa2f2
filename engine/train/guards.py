"""Guards of the update: warnings about NaN and memory, and the end of a run that no longer learns."""

from __future__ import annotations

from collections.abc import Callable

from engine.errors import RunError
from engine.policy.samples import UpdateReport

MOST_LOST_IN_A_ROW = 3
"""Number of NaN updates in a row that end a run: one may be due to an odd sample, three to settings or the machine."""


class UpdateWatch:
    """Monitor of the reports of all updates. warn: writes a sentence into the journal."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._lost_in_a_row = 0

    def look(self, report: UpdateReport) -> None:
        """Warn the user of an update with notes, or with NaN or inf."""
        for note in report.notes:
            self._warn(note)
        if not report.nonfinite:
            self._lost_in_a_row = 0
            return
        lost = report.optimiser_steps == 0
        self._lost_in_a_row = self._lost_in_a_row + 1 if lost else 0
        skipped = "the update" if lost else f"{report.nonfinite_steps} of the update's optimiser steps"
        self._warn(f"skipped {skipped}: NaN or inf in the loss or its gradient; the policy is intact")

    def check(self) -> None:
        """Raise RunError if continuing would only waste time; the policy is intact, so a checkpoint of it is, too."""
        if self._lost_in_a_row >= MOST_LOST_IN_A_ROW:
            raise RunError(
                f"the loss or its gradient was NaN or inf in {self._lost_in_a_row} updates in a row",
                "they were skipped and the checkpoint is intact: in the run's config.toml lower "
                'policy.learning_rate, or set policy.precision = "fp32" where memory allows, then resume the run',
            )
