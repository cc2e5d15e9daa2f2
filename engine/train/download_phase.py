"""Download of a model as a phase of the run, shown as a bar in the dashboard or a line of the headless view."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType

from engine.models.download_progress import DownloadProgress
from engine.runs.journal import JournalWriter
from engine.runs.live import LiveWriter

PHASE = "download"
_MB = 1_000_000


class DownloadPhase:
    """Phase that starts with the first progress report; a model that is already there writes nothing."""

    def __init__(self, journal: JournalWriter, live: Path) -> None:
        self._journal, self._live = journal, LiveWriter(live)
        self._began: float | None = None

    def __enter__(self) -> DownloadPhase:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._began is not None:
            self._live.clear()
            self._journal.phase_finished(0, PHASE, time.monotonic() - self._began)

    def __call__(self, progress: DownloadProgress) -> None:
        done, total = progress.done // _MB, progress.total // _MB
        if self._began is None:
            self._began = time.monotonic()
            self._journal.phase_started(0, PHASE, total, "MB")
            self._journal.notice(str(progress))
        # Restart the live phase each time: the total grows while the sizes of more files become known.
        self._live.start_phase(PHASE, total)
        self._live.progress(done)
        self._live.flush()
