"""Archive of a run for the dashboard: opened once it exists, with a cache of the last steps read."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.errors import RunError
from engine.runs.archive_reader import MOST_TEXT, ArchiveReader, Texts
from engine.runs.records import TaskRecord

_STEPS_KEPT = 8
_SECONDS = 4.0


class ArchiveView:
    """Reader of one run's archive, in the user interface's thread: a step of 6 tasks takes some milliseconds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader: ArchiveReader | None = None
        self.fault = ""
        self._steps: dict[int, tuple[list[TaskRecord], int]] = {}  # and the bytes of their texts, oldest read first
        self._lengths: dict[int, dict[str, npt.NDArray[np.float64]]] = {}

    @property
    def reader(self) -> ArchiveReader | None:
        """The open archive; None before the first step or if it is unreadable (`fault` says why)."""
        if self._reader is None:
            try:
                self._reader = ArchiveReader(self.path)
                self.fault = ""
            except RunError as error:
                self.fault = str(error)
        return self._reader

    def tasks(self, step: int) -> list[TaskRecord]:
        """Return all tasks of a step in the order of the batch; empty if the archive lacks the step."""
        if step not in self._steps:
            found, size = self._read_step(step)
            if not found:
                return []  # not kept: the engine may still write it
            while self._steps and (len(self._steps) >= _STEPS_KEPT or self._kept_bytes() + size > MOST_TEXT):
                del self._steps[next(iter(self._steps))]
            self._steps[step] = found, size
        self._steps[step] = self._steps.pop(step)  # the newest look last
        return self._steps[step][0]

    def _kept_bytes(self) -> int:
        return sum(size for _, size in self._steps.values())

    def lengths(self, newest_step: int) -> dict[int, dict[str, npt.NDArray[np.float64]]]:
        """Return tokens per answer [answers] by step and role; reads only steps that are new."""
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
        """Empty the caches: after a resume the same step numbers stand for other rollouts."""
        self._steps.clear()
        self._lengths.clear()

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _read_step(self, step: int) -> tuple[list[TaskRecord], int]:
        reader = self.reader
        if reader is None or step < 1:
            return [], 0
        texts, until = Texts(), time.monotonic() + _SECONDS
        records: list[TaskRecord | None] = []
        try:
            for task in dict.fromkeys(reader.tasks(step)):
                records.append(reader.read_task(step, task, texts))
                if time.monotonic() > until:
                    raise RunError(f"step {step} of {self.path} takes too long to read", "look at another step")
        except RunError as error:
            self.close()  # a resume may have replaced the file: the next read opens it again
            self.fault = str(error)
            return [], 0
        self.fault = ""
        return [record for record in records if record is not None], texts.bytes
