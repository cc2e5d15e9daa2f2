"""Progress of a model's download, for the journal or for lines on stderr.

The hub's client reports progress through a class of tqdm bars. The class here draws no bar and forwards the bytes.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

from tqdm import tqdm

SECONDS_BETWEEN_REPORTS = 3.0
_BYTES_BAR = "Reconstructing"
"""First word of the description of the bar that counts the bytes written to disk, of all files together."""


@dataclass(frozen=True)
class DownloadProgress:
    """Bytes of all files together. total: of the files with a known size, so it grows in the first second."""

    model: str
    done: int
    total: int

    def __str__(self) -> str:
        share = f" ({self.done / self.total:.0%})" if self.total else ""
        return f"downloading {self.model}: {self.done / 1e6:,.0f} of {self.total / 1e6:,.0f} MB{share}"


OnProgress = Callable[[DownloadProgress], None]
"""Called from the download's threads, one call at a time."""


def lines_on_stderr() -> OnProgress:
    """Return a callback that writes each report as a line on stderr, for runs without a journal."""

    def write(progress: DownloadProgress) -> None:
        print(progress, file=sys.stderr, flush=True)

    return write


@contextmanager
def progress_bars(model: str, on_progress: OnProgress, seconds: float) -> Iterator[type[tqdm[Any]]]:
    """Provide a class of bars for the hub's client that calls `on_progress` at most every `seconds` and at the end.

    A download that ends before the first report, for example because all files are cached, reports nothing.
    """
    reports = _Reports(model, on_progress, seconds)

    class SilentBar(tqdm):
        """Bar that counts without drawing."""

        def __init__(self, *args: Any, **settings: Any) -> None:
            self._counts_bytes = str(settings.get("desc", "")).startswith(_BYTES_BAR)
            super().__init__(*args, **{**settings, "file": io.StringIO()})

        def update(self, n: float | None = 1) -> bool | None:
            drawn: bool | None = super().update(n)
            if self._counts_bytes:
                reports.tell(int(self.n), int(self.total or 0))
            return drawn

    yield SilentBar
    reports.finish()


class _Reports:
    def __init__(self, model: str, on_progress: OnProgress, seconds: float) -> None:
        self._model = model
        self._on_progress = on_progress
        self._seconds = seconds
        self._next = time.monotonic() + seconds
        self._latest: DownloadProgress | None = None
        self._told = False
        self._lock = Lock()

    def tell(self, done: int, total: int) -> None:
        with self._lock:
            self._latest = DownloadProgress(self._model, done, total)
            if time.monotonic() >= self._next:
                self._report()

    def finish(self) -> None:
        with self._lock:
            if self._told:
                self._report()

    def _report(self) -> None:
        if self._latest is not None:
            self._on_progress(self._latest)
            self._told = True
            self._next = time.monotonic() + self._seconds
