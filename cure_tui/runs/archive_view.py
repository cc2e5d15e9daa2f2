"""The run's archive as the dashboard needs it: opened when it is there, the last step read kept at hand."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.errors import RunError
from engine.runs.archive_reader import ArchiveReader
from engine.runs.records import TaskRecord

_STEPS_KEPT = 8


class ArchiveView:
    """Reads of one run, in the user interface's thread: a step of 6 tasks takes some milliseconds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader: ArchiveReader | None = None
        self.fault = ""
        self._read = lru_cache(_STEPS_KEPT)(self._read_step)
        self._lengths: dict[int, dict[str, npt.NDArray[np.float64]]] = {}

    @property
    def reader(self) -> ArchiveReader | None:
        """The open archive; None (and `fault` says why) before the first step and where it cannot be read."""
        if self._reader is None:
            try:
                self._reader = ArchiveReader(self.path)
                self.fault = ""
            except RunError as error:
                self.fault = str(error)
        return self._reader

    def tasks(self, step: int) -> list[TaskRecord]:
        """All tasks of a step in the order of the batch; empty where the step is not (or no longer) there."""
        found = self._read(step)
        if not found:
            self._read.cache_clear()  # it may come yet
        return found

    def lengths(self, newest_step: int) -> dict[int, dict[str, npt.NDArray[np.float64]]]:
        """Tokens of every answer by step and role; only steps that are new since the last call are read."""
        known = max(self._lengths, default=0)
        reader = self.reader
        if newest_step > known and reader is not None:
            try:
                self._lengths |= reader.lengths(known)
            except RunError as error:
                self.close()
                self.fault = str(error)
        return self._lengths

    def forget(self) -> None:
        """After a resume the same step numbers stand for other rollouts."""
        self._read.cache_clear()
        self._lengths.clear()

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _read_step(self, step: int) -> list[TaskRecord]:
        reader = self.reader
        if reader is None or step < 1:
            return []
        try:
            records = [reader.read_task(step, task) for task in dict.fromkeys(reader.tasks(step))]
        except RunError as error:
            self.close()  # the file may be another one by the next look
            self.fault = str(error)
            return []
        self.fault = ""
        return [record for record in records if record is not None]
