"""Watcher of one run's folder: a thread that reads what is new and publishes one frozen snapshot at a time.

It never writes to the run, so a dashboard may be closed, killed or opened twice without any effect on the engine. The
watcher publishes at most every `ACTIVE_SECONDS`, and less often if this process would use more than
`SHARE_OF_MACHINE`. While no answers are sampled it publishes events at once, and the time once a second. It polls an
idle run twice a second, which costs next to nothing.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from cure_tui.runs.activity import is_starting_up, seen_condition
from engine.errors import RunError
from engine.machine.process_memory import grows_without_cycles, release
from engine.runs.folder import RunFolder
from engine.runs.inbox import Command, pending
from engine.runs.journal import JournalReader
from engine.runs.listing import RunCondition, condition_of, read_info, read_pulse
from engine.runs.live import LiveReader, LiveView
from engine.runs.state import RunState, RunStatus, replay

ACTIVE_SECONDS = 1 / 8
"""Growing text is no easier to read at twice the rate, which would take twice the CPU time from the engine."""
SLOWEST_SECONDS = 0.5
"""With longer pauses a live run would look frozen."""
CALM_SECONDS = 1.0
"""Between snapshots that differ in the time alone: an update has nothing to show, and needs every core."""
SHARE_OF_MACHINE = 0.015
"""Share of all cores' time for this process while a run is live: an engine that computes on the CPU needs every core.
At 15 ms of CPU time a snapshot this bound is felt on machines of up to eight cores."""
IDLE_SECONDS = 0.5
LOADING_SECONDS = 1.5
"""Between snapshots while the journal is still being read: most journals are read by then, and drawing one snapshot
takes as long as reading thousands of events."""
EVENTS_A_ROUND = 2000
"""Lines of the journal read at once, some hundredths of a second of parsing: a long journal shows while it loads."""

_Signs = tuple[int | None, ...]
"""Times of the last change of journal, wall and inbox, in ns; None for a missing file."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """State of a run at one moment.

    condition: live, finished, stopped, failed or crashed, from lock, process and heartbeat. pending: commands from any
    dashboard that the engine has not executed yet. loading: part of the journal is still unread. skipped: corrupt
    lines of the journal. waited: seconds since the last event of a live run that works, 0 of any other. fault: the
    reason why the run cannot be read any more.
    """

    path: Path
    condition: RunCondition = RunCondition.STOPPED
    state: RunState = field(default_factory=RunState)
    live: LiveView | None = None
    pending: tuple[Command, ...] = ()
    pid: int | None = None
    beat_seconds: float | None = None
    loading: bool = True
    skipped: int = 0
    fault: str = ""
    waited: int = 0

    @property
    def is_paused(self) -> bool:
        """True if the engine waits for the user; a paused run whose engine died is not paused while it is resumed."""
        return self.is_live and self.state.status is RunStatus.PAUSED and not self.is_starting_up

    @property
    def is_starting_up(self) -> bool:
        return is_starting_up(self.condition, self.state)

    @property
    def seconds(self) -> float:
        """Seconds at work until now, by the journal and the time since its last event."""
        return self.state.seconds + self.waited

    @property
    def is_live(self) -> bool:
        return self.condition is RunCondition.LIVE


class Pace:
    """Pause between snapshots, such that this process keeps to `SHARE_OF_MACHINE`, within its shortest and longest."""

    def __init__(self, cores: int | None = None, cpu_clock: Callable[[], float] = time.process_time) -> None:
        """Begin to measure. cores: by default those that this process may use. cpu_clock: CPU seconds used so far."""
        self._share = SHARE_OF_MACHINE * (cores or len(os.sched_getaffinity(0)))
        self._clock = cpu_clock
        self._spent = cpu_clock()

    def pause(self) -> float:
        """Return seconds to wait, in proportion to the CPU time used since the last call."""
        before, self._spent = self._spent, self._clock()
        return min(max(ACTIVE_SECONDS, (self._spent - before) / self._share), SLOWEST_SECONDS)


class RunWatcher:
    """Thread that publishes a `Snapshot` of the run after each change. It calls `publish` from itself."""

    def __init__(self, path: Path, publish: Callable[[Snapshot], None]) -> None:
        """Open the run folder. Raises RunError if `path` is not a run folder of this version."""
        folder = RunFolder.open(path)
        self._folder, self._publish = folder, publish
        self._journal, self._live = JournalReader(folder.journal), LiveReader(folder.live)
        self._state = RunState()
        self._read_ahead: RunCondition | None = None
        self._reads_much = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="run-watcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def __enter__(self) -> RunWatcher:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def look(self) -> Snapshot:
        """Read what is new, at most EVENTS_A_ROUND lines. For the thread, and for tests without one."""
        if not self._folder.path.is_dir():
            return self._failed(f"the folder {self._folder.path} is gone")
        try:
            pulse = read_pulse(self._folder)
            events = self._journal.poll(EVENTS_A_ROUND, stale=False)
        except RunError as error:
            return self._failed(str(error))
        self._state = replay(events, self._state)
        loading = self._journal.behind
        condition = self._ahead() if loading else condition_of(self._state, pulse)
        began = loading or self._state.status is not RunStatus.NEW
        condition = seen_condition(condition, began=began, folder=self._folder.path)
        alive = condition is RunCondition.LIVE
        return Snapshot(
            path=self._folder.path,
            condition=condition,
            state=self._state,
            live=self._live.read() if alive else None,
            pending=pending(self._folder.inbox) if alive else (),
            pid=pulse.holder.pid if alive else None,
            # Rounded: a heartbeat that is 0.1 s older is not worth a redraw. Without an engine there is no heartbeat.
            beat_seconds=round(pulse.beat_seconds) if alive and pulse.beat_seconds is not None else None,
            loading=loading,
            skipped=self._journal.skipped,
            waited=self._seconds_since_event() if alive else 0,
        )

    def _seconds_since_event(self) -> int:
        if self._state.updated is None or self._state.status is not RunStatus.RUNNING:
            return 0
        return max(0, int(time.time() - self._state.updated))

    def _wait(self, seconds: float, calm_seconds: float, seen: _Signs) -> None:
        """Wait for `seconds`, then until a file differs from `seen`, but no longer than `calm_seconds` in all."""
        until = time.monotonic() + calm_seconds
        while not self._over.wait(seconds) and time.monotonic() < until and self._signs() == seen:
            pass

    def _signs(self) -> _Signs:
        """Return the files' times of change: it takes some microseconds, `look` takes 1 to 2 ms."""
        return tuple(map(_modified_ns, (self._folder.journal, self._folder.live, self._folder.inbox)))

    def _ahead(self) -> RunCondition:
        """Return the condition read from the end of the journal, while the thread is still reading its beginning."""
        if self._read_ahead is None:
            self._read_ahead = read_info(self._folder.path).state
        return self._read_ahead

    def _failed(self, fault: str) -> Snapshot:
        return Snapshot(
            self._folder.path, RunCondition.UNREADABLE, self._state, loading=False, skipped=self._journal.skipped,
            fault=fault,
        )  # fmt: skip

    def _run(self) -> None:
        pace = Pace()
        published, due = Snapshot(self._folder.path), time.monotonic() + LOADING_SECONDS
        with ExitStack() as reading:
            while not self._over.is_set():
                seen, snapshot = self._signs(), self.look()
                now = time.monotonic()
                if snapshot.loading and not self._reads_much:
                    self._reads_much = True
                    reading.enter_context(grows_without_cycles())
                elif not snapshot.loading:
                    reading.close()
                if _differs(snapshot, published) and not (snapshot.loading and now < due):
                    published, due = snapshot, now + LOADING_SECONDS
                    self._publish(snapshot)
                if snapshot.is_live and not snapshot.loading:
                    self._wait(pace.pause(), 0.0 if _samples(snapshot) else CALM_SECONDS, seen)
                elif not snapshot.loading:
                    self._over.wait(IDLE_SECONDS)
        if self._reads_much:
            release()


def _samples(snapshot: Snapshot) -> bool:
    """Return True while answers are being sampled, the only text that grows."""
    return snapshot.live is not None and snapshot.live.done < snapshot.live.total


def _modified_ns(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def _differs(one: Snapshot, other: Snapshot) -> bool:
    # States first by identity: comparing them by value walks through all steps of the run.
    return one.state is not other.state or one != other
