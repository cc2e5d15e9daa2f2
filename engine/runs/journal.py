"""Journal of a run, events.jsonl: append-only, one event per line. JournalWriter appends, JournalReader tails.

Promises: an event is in the file when `append` returns (one write(2) a line, so a SIGKILL tears at most the
last line); written events never change. A writer that opens an existing journal cuts off a torn last line. A reader
treats a torn last line as the end of the file; it skips and counts lines that are not events.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType

from engine.errors import RunError
from engine.machine.regular_files import OddFile
from engine.runs.events import (
    JOURNAL_VERSION,
    EvaluationTime,
    Event,
    EventKind,
    decode_event,
    encode_event,
    ends_step,
    is_progress,
    to_json,
)
from engine.runs.faults import damaged, run_faults
from engine.runs.files import open_file

_CHUNK_BYTES = 1 << 18
_LINE_BYTES = 1 << 24
_ROUND_BYTES = 1 << 22
_LINES_A_ROUND = 20_000
_MOST_SKIPPED = 10_000


class JournalWriter:
    """Only writer of a run's journal: the run's lock excludes a second one. Threads may share it."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Open `path`, or create it. `Event.seconds` continue from the last event's, `seconds_before`.

        Raises RunError: another version of the journal, disk full, not writable.
        """
        self._path = path
        self._clock, self._now = clock, now
        self._lock = threading.Lock()
        with run_faults(path.parent):
            self._file = open_file(path.parent, path.name, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            first, tail, _ = read_ends(path)
            self._size = _end_of_last_line(self._file)
            os.ftruncate(self._file, self._size)
        self.seconds_before = tail[-1].seconds if tail else 0.0
        self._started = clock() - self.seconds_before
        self._is_empty = first is None

    @property
    def is_empty(self) -> bool:
        """True until `run_started` is written, in a new run."""
        return self._is_empty

    def append(self, kind: EventKind, step: int | None = None, data: Mapping[str, object] | None = None) -> Event:
        """Write one event, stamped with the time. Raises RunError if it cannot be written.

        The first event of a journal is `run_started`; anything else raises ValueError.
        """
        plain = {name: to_json(value) for name, value in (data or {}).items()}
        with self._lock:
            if self._is_empty != (kind == EventKind.RUN_STARTED):
                raise ValueError(f"{kind}: a journal starts with run_started and has no second one")
            event = Event(str(kind), step, self._clock() - self._started, self._now(), plain)
            self._write_line(encode_event(event))
            self._is_empty = False
        return event

    def count_from(self, seconds: float) -> None:
        """Let `Event.seconds` go on from `seconds` at least: a journal that has lost lines counts too few."""
        with self._lock:
            self._started = min(self._started, self._clock() - seconds)

    # One method per kind, so that the field names of a payload are written in one place.

    def run_started(
        self, *, preset: str, steps: int, seed: int, start: str = "", rewards: Mapping[str, object] | None = None
    ) -> Event:
        """Write the first event. start: the run and step whose adapter the run starts from, "" for a fresh one.

        rewards: "labels", "anchors" and "supervision" of a run whose rewards do not come from hidden tests alone.
        """
        data: dict[str, object] = {"version": JOURNAL_VERSION, "preset": preset, "steps": steps, "seed": seed}
        if start:
            data["start"] = start
        data |= rewards or {}
        return self.append(EventKind.RUN_STARTED, None, data)

    def sandbox(self, *, letter: str, summary: str, reasons: Sequence[str], remedy: str) -> Event:
        data = {"letter": letter, "summary": summary, "reasons": reasons, "remedy": remedy}
        return self.append(EventKind.SANDBOX, None, data)

    def phase_started(self, step: int, phase: str, total: int | None = None, unit: str = "") -> Event:
        return self.append(EventKind.PHASE_STARTED, step, {"phase": phase, "total": total, "unit": unit})

    def phase_finished(self, step: int, phase: str, seconds: float) -> Event:
        return self.append(EventKind.PHASE_FINISHED, step, {"phase": phase, "seconds": seconds})

    def labelled(self, seconds: float) -> Event:
        """Record that a tester has written the labels, and the seconds that took in all."""
        return self.append(EventKind.LABELLED, 0, {"seconds": seconds})

    def step_finished(self, step: int, metrics: Mapping[str, object]) -> Event:
        """Record the end of a step. Call it after `ArchiveWriter.write_step`: readers then find the step's rows."""
        return self.append(EventKind.STEP_FINISHED, step, {"metrics": metrics})

    def evaluation(self, step: int, *, split: str, when: EvaluationTime, summary: Mapping[str, object]) -> Event:
        """Record an evaluation. `step`: steps trained before it, 0 at the start."""
        return self.append(EventKind.EVALUATION, step, {"split": split, "when": when, "summary": summary})

    def checkpoint(self, step: int, *, name: str, seconds: float, best: bool = False) -> Event:
        return self.append(EventKind.CHECKPOINT, step, {"name": name, "seconds": seconds, "best": best})

    def notice(self, text: str, *, level: str = "info", step: int | None = None) -> Event:
        """Record a line for the log. `level`: info, warning or error."""
        return self.append(EventKind.NOTICE, step, {"level": level, "text": text})

    def heartbeat(
        self,
        step: int | None = None,
        *,
        done: int | None = None,
        total: int | None = None,
        sampled: int | None = None,
        tokens: int | None = None,
    ) -> Event:
        """Record the progress of the phase. sampled, tokens: of `done`, what this engine has sampled in it."""
        data = {"done": done, "total": total, "sampled": sampled, "tokens": tokens}
        return self.append(EventKind.HEARTBEAT, step, data)

    def asked(self, step: int | None, command: str) -> Event:
        return self.append(EventKind.ASKED, step, {"command": command})

    def paused(self, step: int | None = None) -> Event:
        return self.append(EventKind.PAUSED, step)

    def continued(self, step: int | None = None) -> Event:
        return self.append(EventKind.CONTINUED, step)

    def resumed(self, *, from_step: int, steps: int) -> Event:
        """Record that steps >= `from_step` will be run again: readers forget them, the file keeps them."""
        return self.append(EventKind.RESUMED, None, {"from_step": from_step, "steps": steps})

    def run_finished(self, step: int, summary: Mapping[str, object], reason: str = "") -> Event:
        return self.append(EventKind.RUN_FINISHED, step, {"summary": summary, "reason": reason})

    def run_stopped(self, step: int, reason: str) -> Event:
        return self.append(EventKind.RUN_STOPPED, step, {"reason": reason})

    def run_failed(self, step: int | None, *, error: str, remedy: str = "") -> Event:
        """Record a failure. On a full disk, call `RunFolder.release_reserve` first: it makes room for this event."""
        return self.append(EventKind.RUN_FAILED, step, {"error": error, "remedy": remedy})

    def sync(self) -> None:
        """Force the journal to the disk, for events that must also survive a power failure."""
        with run_faults(self._path.parent):
            os.fsync(self._file)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write_line(self, line: bytes) -> None:
        with run_faults(self._path.parent):
            try:
                written = os.write(self._file, line)
                while written < len(line):  # a nearly full disk takes a part; the next call raises the error
                    written += os.write(self._file, line[written:])
            except OSError:
                os.ftruncate(self._file, self._size)  # remove the part of the line that was written
                raise
        self._size += len(line)


class JournalReader:
    """Reader that follows a journal from its start while another process may write to it."""

    def __init__(self, path: Path) -> None:
        """Follow the journal at `path`, which need not exist yet: until then there are no events."""
        self._path = path
        self._offset = 0  # always after a newline: a torn line is read again once it is complete
        self._first_seen = False
        self.skipped = 0  # complete lines that are not events
        self.behind = False  # whether the last call of `poll` left lines unread

    def poll(self, limit: int | None = None, *, stale: bool = True) -> list[Event]:
        """Return the events on the next `limit` lines (None: all) written since the last call.

        An event of 50 metrics takes about 25 us, so a limit bounds the time. stale = False leaves out progress events
        that a later line supersedes (`is_progress`): the resulting state is the same, and a long journal, which
        consists mostly of them, is read in half the time.
        Raises RunError if the journal is of another version or cannot be read.
        """
        events: list[Event] = []
        while True:
            events += self._round(_LINES_A_ROUND if limit is None else limit, stale=stale)
            if limit is not None or not self.behind:
                return events

    def _round(self, limit: int, *, stale: bool) -> list[Event]:
        """Return the events on the next `limit` lines, fewer if those are more than _ROUND_BYTES."""
        events: list[Event] = []
        with run_faults(self._path.parent):
            try:
                file = open_file(self._path.parent, self._path.name)
            except FileNotFoundError:
                return events
            try:
                ahead = _lines_from(file, self._offset)
                lines = list(_within(islice(ahead, limit), _ROUND_BYTES))
                self.behind = next(ahead, None) is not None
            finally:
                os.close(file)
        steps_end = 0 if stale else _last_step_among(lines)
        for number, line in enumerate(lines):
            if number >= steps_end or not is_progress(line):
                event = decode_event(line)
                if event is None:
                    self.skipped += 1
                    if self.skipped > _MOST_SKIPPED:
                        what = f"{self._path.name} has more than {_MOST_SKIPPED} lines that are no events"
                        raise damaged(self._path.parent, what)
                else:
                    if not self._first_seen:
                        _check_version(event, self._path)
                        self._first_seen = True
                    events.append(event)
            self._offset += len(line)
        return events


def read_journal(path: Path) -> list[Event]:
    """Return all events of a journal, first to last."""
    return JournalReader(path).poll()


def read_ends(path: Path, tail_bytes: int = 1 << 16) -> tuple[Event | None, list[Event], bool]:
    """Return the first event, those of the last `tail_bytes`, and whether a line among them is corrupt.

    The lines between are not read: that is enough to list a run of any length in a millisecond. The tail grows, to
    _ROUND_BYTES at most, until it holds an event. In a short journal it includes the first event too. Raises RunError
    for another version.
    """
    with run_faults(path.parent), open(open_file(path.parent, path.name), "rb") as file:
        head = islice(_within(_lines_from(file.fileno(), 0), _ROUND_BYTES), _MOST_SKIPPED)
        first = next((event for line in head if (event := decode_event(line))), None)
        size = os.fstat(file.fileno()).st_size
        if first is None:
            return None, [], size > 0
        _check_version(first, path)
        while True:
            start = max(0, size - tail_bytes)
            lines = os.pread(file.fileno(), size - start, start).split(b"\n")[:-1]  # drops a torn last line
            if start:
                lines = lines[1:]  # the first line is incomplete
            lines = lines[-_LINES_A_ROUND:]
            tail = [event for line in lines if (event := decode_event(line)) is not None]
            if tail or start == 0 or tail_bytes >= _ROUND_BYTES:
                return first, tail, len(tail) < len(lines) or first.kind != EventKind.RUN_STARTED
            tail_bytes = min(4 * tail_bytes, _ROUND_BYTES)


def _last_step_among(lines: Sequence[bytes]) -> int:
    """Return the index of the last finished step; 0 if there is none: no line comes before the first."""
    return next((number for number in range(len(lines) - 1, 0, -1) if ends_step(lines[number])), 0)


def _check_version(first: Event, path: Path) -> None:
    """Raise RunError for another version. A corrupt first line is accepted: the folder has a version of its own."""
    version = first.data.get("version")
    if first.kind == EventKind.RUN_STARTED and version != JOURNAL_VERSION:
        raise RunError(
            f"{path} is a journal of version {version}, this cure-tui reads version {JOURNAL_VERSION}",
            "open the run with the cure-tui that made it, or start a new run",
        )


def _lines_from(file: int, offset: int) -> Iterator[bytes]:
    """Yield complete lines from `offset` on, each with its newline; a last line without one is left out.

    Raises OddFile for a line that no engine writes, longer than _LINE_BYTES.
    """
    size = _CHUNK_BYTES
    while chunk := os.pread(file, size, offset):
        end = chunk.rfind(b"\n") + 1
        if end == 0:
            if len(chunk) < size:
                return
            if size >= _LINE_BYTES:
                raise OddFile("events.jsonl", f"has a line of more than {_LINE_BYTES / 1e6:.1f} MB")
            size *= 2  # a line is longer than the chunk
            continue
        yield from (line + b"\n" for line in chunk[: end - 1].split(b"\n"))
        offset += end


def _within(lines: Iterator[bytes], most_bytes: int) -> Iterator[bytes]:
    """Yield lines until they are `most_bytes` together: short lines take more memory than their bytes."""
    while most_bytes > 0 and (line := next(lines, None)) is not None:
        yield line
        most_bytes -= len(line)


def _end_of_last_line(file: int) -> int:
    """Return the offset after the last newline; 0 if there is none."""
    end = os.fstat(file).st_size
    while end > 0:
        start = max(0, end - _CHUNK_BYTES)
        newline = os.pread(file, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0
