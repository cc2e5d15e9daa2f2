"""Follows one run from its folder: a thread that reads what is new and hands on one frozen picture at a time.

It never touches the run: a dashboard may be closed, killed or opened twice without the engine noticing. Changes are
published at most every `ACTIVE_SECONDS`, and less often where drawing them would take the engine more than
`SHARE_OF_MACHINE`. While no answers are being sampled only what happens is shown, and the time once a second; a run
that stands still is looked at twice a second and costs next to nothing.
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

from engine.errors import RunError
from engine.process_memory import grows_without_cycles, release
from engine.runs.folder import RunFolder
from engine.runs.inbox import Command, pending
from engine.runs.journal import JournalReader
from engine.runs.listing import RunCondition, condition_of, read_info, read_pulse
from engine.runs.live import LiveReader, LiveView
from engine.runs.state import RunState, replay

ACTIVE_SECONDS = 1 / 8
"""Text that grows reads no better at twice the rate, which would cost twice as much of a core that the engine wants."""
SLOWEST_SECONDS = 0.5
"""Less often it would not look alive."""
CALM_SECONDS = 1.0
"""Between pictures in which only the time has changed: an update has nothing to show, and wants every core."""
SHARE_OF_MACHINE = 0.015
"""Of all cores' time, for this process while a run is live: an engine that computes on the CPU wants every one of them.
At 15 ms a picture it takes effect on up to eight cores."""
IDLE_SECONDS = 0.5
LOADING_SECONDS = 1.5
"""Between pictures of a journal that is still being read: most are read by then, and a picture takes as long to draw
as thousands of events to read."""
EVENTS_A_ROUND = 2000
"""Some hundredths of a second of parsing: a long journal is shown while it is being read."""

_Signs = tuple[int | None, ...]
"""When journal, wall and inbox last changed, in ns; None where there is none."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that can be known of a run at one moment.

    condition: live, finished, stopped, failed, crashed, by lock, process and heartbeat. pending: commands, from
    whichever dashboard, that the engine has not taken up yet. loading: part of the journal is still unread. skipped:
    lines of the journal that were no events. fault: why nothing more can be read.
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

    @property
    def is_live(self) -> bool:
        return self.condition is RunCondition.LIVE


class Pace:
    """How long to wait for the next picture: all of them keep to `SHARE_OF_MACHINE`, or come as seldom as allowed."""

    def __init__(self, cores: int | None = None, cpu_clock: Callable[[], float] = time.process_time) -> None:
        """cores: of this machine, by default those that the process may use. cpu_clock: seconds of CPU spent so far."""
        self._share = SHARE_OF_MACHINE * (cores or len(os.sched_getaffinity(0)))
        self._clock = cpu_clock
        self._spent = cpu_clock()

    def pause(self) -> float:
        """Seconds, by what the process spent since the last call."""
        before, self._spent = self._spent, self._clock()
        return min(max(ACTIVE_SECONDS, (self._spent - before) / self._share), SLOWEST_SECONDS)


class RunWatcher:
    """Publishes a `Snapshot` whenever something changed. `publish` is called from the watcher's own thread."""

    def __init__(self, path: Path, publish: Callable[[Snapshot], None]) -> None:
        """Raises RunError where `path` is no run folder of this version."""
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
        """Reads what is new, at most EVENTS_A_ROUND lines. For the thread, and for tests without one."""
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
        alive = condition is RunCondition.LIVE
        return Snapshot(
            path=self._folder.path,
            condition=condition,
            state=self._state,
            live=self._live.read() if alive else None,
            pending=pending(self._folder.inbox) if alive else (),
            pid=pulse.holder.pid if alive else None,
            # Rounded, for a pulse that is a little older is no news worth a redraw; without an engine there is none.
            beat_seconds=round(pulse.beat_seconds) if alive and pulse.beat_seconds is not None else None,
            loading=loading,
            skipped=self._journal.skipped,
        )

    def _wait(self, seconds: float, calm_seconds: float, seen: _Signs) -> None:
        """Waits for `seconds`, and then until something happens that is not `seen`, `calm_seconds` in all at most."""
        until = time.monotonic() + calm_seconds
        while not self._over.wait(seconds) and time.monotonic() < until and self._signs() == seen:
            pass

    def _signs(self) -> _Signs:
        """Times of what changes when something happens: some microseconds, where a look takes a millisecond or two."""
        return tuple(map(_modified_ns, (self._folder.journal, self._folder.live, self._folder.inbox)))

    def _ahead(self) -> RunCondition:
        """The condition while the end of the journal is still unread."""
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
    """Whether answers are being sampled: what there is to see."""
    return snapshot.live is not None and snapshot.live.done < snapshot.live.total


def _modified_ns(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def _differs(one: Snapshot, other: Snapshot) -> bool:
    # States by identity: comparing two by value would walk through all steps of the run.
    return one.state is not other.state or one != other
