"""Output of a run's engine as lines: the file engine.log, read as it grows."""

from __future__ import annotations

import os
import re
from pathlib import Path

from engine.runs.faults import run_faults
from engine.runs.files import open_file

MOST_BYTES = 4 << 20
"""Newest part of the file that is kept: tens of thousands of lines."""
LINES_KEPT = 50_000
LONGEST_LINE = 20_000
_NAME = "engine.log"
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]")


class EngineLog:
    """Reader of a run's engine.log. `poll` reads what is new; `lines` are the newest ones, oldest first."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._read_to = 0
        self._file: int | None = None  # inode: a log that was replaced is read anew
        self._torn = b""
        self.lines: list[str] = []
        self.left_out = False
        """True if older lines of the file were not read, or are no longer kept."""

    def poll(self) -> int | None:
        """Read what is new; return the number of lines before it that stay as they were, None for no change.

        The last line may be half written: it is replaced by the next poll. Raises RunError.
        """
        with run_faults(self._run_dir):
            try:
                file = open_file(self._run_dir, _NAME)
            except FileNotFoundError:
                return self._begin(None, 0) if self.lines else None
        try:
            status = os.fstat(file)
            restarted = status.st_ino != self._file or status.st_size < self._read_to
            if restarted:
                self._begin(status.st_ino, max(0, status.st_size - MOST_BYTES))
            elif status.st_size == self._read_to:
                return None
            start = max(self._read_to, status.st_size - MOST_BYTES)
            new = os.pread(file, status.st_size - start, start)
        finally:
            os.close(file)
        if start > self._read_to:  # it has grown faster than it was read
            self._begin(self._file, start)
        self._read_to = start + len(new)
        return self._take(new)

    def _begin(self, file: int | None, at: int) -> int:
        self._file, self._read_to, self._torn, self.lines = file, at, b"", []
        self.left_out = at > 0
        return 0

    def _take(self, new: bytes) -> int:
        """Append the lines of `new`; return how many lines before them stay as they were."""
        if self._torn:
            self.lines.pop()
        kept = len(self.lines)
        *whole, torn = (self._torn + new).split(b"\n")
        if not kept and self.left_out and whole:
            whole = whole[1:]  # the first one is the end of a line
        self._torn = torn
        self.lines += [_text(line) for line in whole]
        if torn:
            self.lines.append(_text(torn))
        if len(self.lines) > LINES_KEPT:
            del self.lines[: len(self.lines) - LINES_KEPT]
            self.left_out = True
            return 0
        return kept


def _text(line: bytes) -> str:
    """Return a line as a terminal would leave it: what follows its last carriage return, without colours."""
    text = _ESCAPES.sub("", line[-4 * LONGEST_LINE :].decode("utf-8", "replace")).expandtabs(4)
    shown = text.rstrip("\r").rpartition("\r")[2]
    return shown if len(shown) <= LONGEST_LINE else f"…{shown[-LONGEST_LINE:]}"
