"""Log view of a run: folder, engine, sandbox, seconds by phase, evaluations and notices."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from cure_tui.dashboard.explain import Explanation, Term
from cure_tui.dashboard.pane import Pane
from cure_tui.dashboard.rows import RowsView
from cure_tui.drawing.smoothing import Smoothing
from cure_tui.drawing.spans import Row, Span, one_column
from cure_tui.runs.archive_view import ArchiveView
from cure_tui.runs.step_line import evaluation_line
from cure_tui.runs.watcher import Snapshot
from engine.runs.notes import read_note
from engine.runs.state import RunState

_NOTICES = 500
_LEVEL_STYLES = {"info": "text", "warning": "warning", "error": "error"}


LOG = Explanation(
    "log",
    "The run in words: its origin, its sandbox, where the seconds of the last step went, evaluations and notices.",
    (
        Term("validation", "tasks by which the best checkpoint is chosen"),
        Term("heldout", "tasks that the run never sees otherwise, measured at its start and its end"),
        Term("BoN", "best of n: the program that passes most generated tests is the answer"),
    ),
)


class LogPane(Pane):
    """View of the run in words."""

    DEFAULT_CSS = "LogPane VerticalScroll { height: 1fr; padding: 0 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("end", "bottom", "Newest line", show=False),
        Binding("o", "screen.open_log", "Engine's output"),
    ]

    def __init__(self, archive: ArchiveView, *, id: str = "log", smoothing: Smoothing | None = None) -> None:
        super().__init__(archive, id=id, smoothing=smoothing)
        self._shown: tuple[object, ...] = ()

    @property
    def explanation(self) -> Explanation:
        return LOG

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield RowsView()

    def catch_up(self) -> None:
        super().catch_up()
        self.query_one(VerticalScroll).focus()

    def update_view(self, snapshot: Snapshot, step: int | None) -> None:
        state = snapshot.state
        note = read_note(snapshot.path)
        shown = (len(state.notices), state.evaluations, state.step, snapshot.condition, snapshot.skipped, note)
        if shown != self._shown:
            self._shown = shown
            self.query_one(RowsView).show(list(log_rows(snapshot, note)))

    def action_bottom(self) -> None:
        self.query_one(VerticalScroll).scroll_end(animate=False)


def log_rows(snapshot: Snapshot, note: str = "") -> Iterator[Row]:
    """Yield the rows of the view: run, note, sandbox, seconds by phase, evaluations, notices (newest first)."""
    state = snapshot.state
    yield from _run_rows(snapshot, note)
    yield ()
    yield from _phase_rows(state)
    yield (Span("evaluations", "title"),)
    if not state.evaluations:
        yield (Span("  none yet", "muted"),)
    for evaluation in state.evaluations:
        yield (Span(f"  {evaluation_line(evaluation)}", "text"),)
    yield ()
    yield (Span("notices, newest first", "title"),)
    if not state.notices:
        yield (Span("  none", "muted"),)
    for notice in reversed(state.notices[-_NOTICES:]):
        when = f"{datetime.fromtimestamp(notice.time):%H:%M:%S}"
        where = "" if notice.step is None else f" step {notice.step}"
        style = _LEVEL_STYLES.get(notice.level, "text")
        level = "" if notice.level == "info" else f"{notice.level}: "
        yield (Span(f"  {when}{where}  ", "muted"), Span(one_column(level + notice.text), style))
    if len(state.notices) > _NOTICES:
        yield (Span(f"  {len(state.notices) - _NOTICES} older ones are in events.jsonl", "muted"),)


def _run_rows(snapshot: Snapshot, note: str) -> Iterator[Row]:
    state = snapshot.state
    yield (Span("run", "title"),)
    yield _line("folder", _below_home(snapshot.path))
    yield _line("preset", f"{state.preset}, seed {state.seed}, {state.steps} steps")
    if note:
        yield _line("note", note, "accent")
    if state.start:
        yield _line("from", f"the adapter of {state.start}; the KL is measured to the base model")
    if snapshot.pid is not None:
        yield _line("engine", f"process {snapshot.pid}, last heartbeat {snapshot.beat_seconds or 0:.0f} s ago")
    if state.sandbox is not None:
        yield _line("sandbox", f"level {state.sandbox.letter}: {state.sandbox.summary}")
        if state.sandbox.remedy:
            yield _line("", f"better: {state.sandbox.remedy}")
    if state.checkpoint_step is not None:
        best = "" if state.best_step is None else f", best by validation: step {state.best_step}"
        yield _line("checkpoint", f"step {state.checkpoint_step}{best}")
    if state.resumes:
        yield _line("resumed", "once" if state.resumes == 1 else f"{state.resumes} times")
    if snapshot.skipped:
        yield _line("journal", f"{snapshot.skipped} lines are not valid events; skipped", "warning")
    if state.ending:
        yield _line("ended", state.ending, "warning")
        if state.remedy:
            yield _line("", state.remedy)


def _phase_rows(state: RunState) -> Iterator[Row]:
    """Yield the seconds of the last step by phase, the unaccounted rest last."""
    metrics = state.metrics
    total = metrics.get("seconds")
    if not total:
        return
    yield (Span(f"seconds of step {state.step}", "title"),)
    phases = {
        "sampling": metrics.get("seconds_sample"),
        "waiting for programs": metrics.get("seconds_execute_wait"),
        "updating": metrics.get("seconds_update"),
    }
    rest = total - sum(value or 0.0 for value in phases.values())
    for name, seconds in {**phases, "everything else": rest}.items():
        if seconds is not None:
            bar = "━" * round(30 * max(0.0, seconds) / total)
            yield (Span(f"  {name:<20}", "muted"), Span(f"{seconds:7.2f} s  ", "text"), Span(bar, "series0"))
    yield ()


def _below_home(path: Path) -> str:
    """Return the path with "~" for the home folder: a small terminal must not cut off the run's id at its end."""
    home = Path(os.path.expanduser("~"))
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def _line(label: str, text: str, style: str = "text") -> Row:
    return (Span(f"  {label:<12}", "muted"), Span(one_column(text), style))
