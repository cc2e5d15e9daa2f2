"""Archives of a run's evaluations, one for each split: every answer and its verdicts, under the step of its policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from engine.config import RunSection
from engine.runs.archive import ArchiveWriter
from engine.runs.folder import RunFolder
from engine.runs.records import StepRecord, TaskRecord

Split = Literal["heldout", "validation"]
SPLITS: tuple[Split, ...] = ("heldout", "validation")


class EvaluationArchives:
    """Writer of the two archives. Held-out answers are never dropped: readers compare the end with the start."""

    def __init__(self, folder: RunFolder, settings: RunSection, tell: Callable[[str], object]) -> None:
        """Write into `folder` within the bounds of `settings`; `tell` the user what they make it drop."""
        self._folder, self._settings, self._tell = folder, settings, tell

    def keep(self, split: Split, step: int, records: Sequence[TaskRecord]) -> None:
        """Write an evaluation, in place of an earlier one of that policy. Raises RunError."""
        settings = self._settings
        with ArchiveWriter(self._folder.evaluation_archive(split)) as archive:
            archive.write_step(StepRecord(step, tuple(records)))
            if split == "validation":
                pruned = archive.prune(keep_steps=settings.archive_steps or None, max_mb=settings.archive_mb or None)
                if pruned.steps:
                    self._tell(f"answers of validation: {pruned}")

    def drop_from(self, step: int) -> None:
        """Delete the evaluations of policies that will be trained again. Raises RunError."""
        for path in map(self._folder.evaluation_archive, SPLITS):
            if path.exists():
                with ArchiveWriter(path) as archive:
                    archive.drop_from(step)
