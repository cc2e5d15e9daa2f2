"""Output of a headless run on stderr: plain lines in a pipe, lines above progress bars in a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol, TextIO

from cure_tui.drawing.glyphs import to_ascii
from cure_tui.runs.phase_progress import progress_of
from cure_tui.runs.step_line import UNCONFINED, clock, evaluation_line, sandbox_line, seconds_left, step_line
from cure_tui.terminal import draws_unicode, unfiltered
from engine.runs.events import Event, EventKind
from engine.runs.live import LiveView
from engine.runs.state import RunState

if TYPE_CHECKING:
    from rich.progress import TaskID


PROGRESS_SECONDS = 30.0
"""Seconds of a phase without another line after which a line tells its progress."""


class View(Protocol):
    """Observer of a run: `show` gets each event with the state after it; `tick`, every 0.1 s, the work under way."""

    def show(self, event: Event, state: RunState) -> None: ...

    def tick(self, live: LiveView | None) -> None: ...

    def say(self, text: str) -> None: ...

    def close(self) -> None: ...


def view_for(stream: TextIO, max_minutes: float) -> View:
    """Return progress bars if `stream` is stderr in a terminal, plain lines otherwise."""
    return ProgressView(max_minutes) if stream.isatty() and stream is sys.stderr else LineView(stream, max_minutes)


def event_line(event: Event, state: RunState, max_minutes: float) -> str | None:
    """Return the line for `event`: a step, evaluation, notice, pause or end; None for any other event."""
    if event.kind == EventKind.SANDBOX and state.sandbox:
        return sandbox_line(state.sandbox)
    if event.kind == EventKind.STEP_FINISHED:
        return step_line(state, max_minutes)
    if event.kind == EventKind.EVALUATION:
        return evaluation_line(state.evaluations[-1])
    if event.kind == EventKind.NOTICE:
        level = state.notices[-1].level
        if level == "error":  # the last line of the command says it
            return None
        return state.notices[-1].text if level == "info" else f"{level}: {state.notices[-1].text}"
    if event.kind == EventKind.PAUSED:
        return "paused"
    if event.kind == EventKind.CONTINUED:
        return "continued"
    if event.kind == EventKind.RESUMED:
        return f"resumed after step {state.step}"
    if event.kind == EventKind.RUN_STOPPED:
        return f"stopped after step {state.step}: {state.ending.removeprefix('stopped ')}"
    if event.kind == EventKind.RUN_FINISHED:
        why = f": {state.ending}" if state.ending else ""
        return f"finished after step {state.step}/{state.steps}, {clock(state.seconds)}{why}"
    return None


class LineView:
    """Plain view: one line per event, for pipes and logs, and one on a long phase every now and then."""

    def __init__(self, stream: TextIO, max_minutes: float) -> None:
        self._stream = stream
        self._max_minutes = max_minutes
        self._told = 0.0

    def show(self, event: Event, state: RunState) -> None:
        line = event_line(event, state, self._max_minutes)
        if event.kind == EventKind.PHASE_STARTED:
            self._told = event.seconds
        elif event.kind == EventKind.HEARTBEAT and event.seconds - self._told >= PROGRESS_SECONDS:
            progress = progress_of(state.phase)
            if progress is not None:
                self._told, line = event.seconds, str(progress)
        if line is not None:
            self.say(line)

    def tick(self, live: LiveView | None) -> None:
        pass

    def say(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    def close(self) -> None:
        pass


class ProgressView:
    """Progress bars on stderr, one for the steps and one for the current phase; finished steps scroll above them."""

    def __init__(self, max_minutes: float) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        from cure_tui.drawing.console import PrintableConsole

        class AsciiConsole(PrintableConsole):
            encoding = "ascii"  # a property of Rich, which chooses its bars by it

        self._ascii_only = not draws_unicode()
        self._max_minutes = max_minutes
        self._phase_name = ""
        self._unit = self._pace = ""
        self._progress = Progress(
            TextColumn("{task.description:<12}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[detail]}"),
            console=(AsciiConsole if self._ascii_only else PrintableConsole)(
                file=unfiltered(sys.stderr), highlight=False
            ),
            refresh_per_second=4,
            transient=True,
        )
        self._run: TaskID = self._progress.add_task("run", total=None, detail="starting the engine")
        self._phase: TaskID = self._progress.add_task("", total=None, detail="", visible=False)
        self._progress.start()

    def show(self, event: Event, state: RunState) -> None:
        line = event_line(event, state, self._max_minutes)
        if line is not None:
            self.say(line)
        self._progress.update(
            self._run, total=state.steps or None, completed=state.step, detail=self._run_detail(state)
        )
        self._show_phase(state)

    def tick(self, live: LiveView | None) -> None:
        if live is not None and live.phase == self._phase_name and live.done:
            self._show_done(live.done, live.total, self._pace)

    def say(self, text: str) -> None:
        self._progress.console.print(to_ascii(text) if self._ascii_only else text, markup=False)

    def close(self) -> None:
        self._progress.stop()

    def _run_detail(self, state: RunState) -> str:
        parts = [f"{state.step}/{state.steps} steps"]
        tokens = state.metrics.get("tokens_total")
        if tokens:
            parts.append(f"{tokens:,.0f} tokens")
        left = seconds_left(state, self._max_minutes)
        if left is not None:
            parts.append(f"{clock(left)} left")
        if state.sandbox and not state.sandbox.confined:
            parts.append(UNCONFINED)
        return ", ".join(parts)

    def _show_phase(self, state: RunState) -> None:
        phase = state.phase
        self._phase_name = phase.name if phase else ""
        self._unit = phase.unit if phase else ""
        self._progress.update(
            self._phase, visible=phase is not None, description=self._phase_name, total=None, detail=""
        )
        progress = progress_of(phase)
        self._pace = progress.pace if progress is not None else ""
        if phase is not None and phase.done is not None:
            self._show_done(phase.done, phase.total or 0, self._pace)

    def _show_done(self, done: int, total: int, pace: str) -> None:
        known = f"{done:,}/{total:,} {self._unit}" if total else f"{done:,} {self._unit}"
        known += f", {pace}" if pace else ""
        self._progress.update(self._phase, total=total or None, completed=done, detail=known)
