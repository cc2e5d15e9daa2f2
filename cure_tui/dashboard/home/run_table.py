"""Table of the runs on this machine: state, last accuracies, and marks for comparing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.coordinate import Coordinate
from textual.message import Message
from textual.widgets import DataTable

from cure_tui.dashboard.condition import condition_span
from cure_tui.drawing.palette import styles_of
from cure_tui.drawing.spans import Span, one_column
from cure_tui.runs.listing import FIGURES, LETTERS, last_figures
from engine.runs.listing import RunCondition, RunInfo

_FIGURES = tuple(each.title for each in FIGURES)
COLUMNS = ("", "run", "state", "step", *_FIGURES, "started", "note")
_STATE_COLUMNS, _STEP_COLUMNS, _FIGURE_COLUMNS, _STARTED_COLUMNS = 12, 9, 4, 12
_LEAST_NOTE_COLUMNS = 16
_PADDING = 2  # of a column, left and right together
_WITHOUT_RUN = 1 + _STATE_COLUMNS + _STEP_COLUMNS + len(_FIGURES) * _FIGURE_COLUMNS + (len(COLUMNS) - 2) * _PADDING

_RIGHT = ("step", *_FIGURES)
_WIDTHS = {
    "": 1,
    "state": _STATE_COLUMNS,
    "step": _STEP_COLUMNS,
    **dict.fromkeys(_FIGURES, _FIGURE_COLUMNS),
    "started": _STARTED_COLUMNS,
}


class RunTable(DataTable[Text]):
    """Table of runs. `show` redraws only the cells that differ and keeps the cursor on its run."""

    DEFAULT_CSS = """
    RunTable { height: 1fr; overflow-x: hidden; }
    RunTable > .datatable--cursor { background: $panel; color: $foreground; }
    RunTable:focus > .datatable--cursor { background: $primary 35%; color: $foreground; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Watch"),
        Binding("up,k", "cursor_up", "Up", show=False),
        Binding("down,j", "cursor_down", "Down", show=False),
        Binding("home,g", "scroll_top", "First", show=False),
        Binding("end,G", "scroll_bottom", "Last", show=False),
    ]

    class Marked(Message):
        """Click on a run's mark."""

        def __init__(self, run: RunInfo) -> None:
            super().__init__()
            self.run = run

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=True)
        self._runs: tuple[RunInfo, ...] = ()
        self._marked: tuple[Path, ...] = ()
        self._drawn: list[list[Text]] = []
        self._shown_columns: tuple[str, ...] = ()

    def on_mount(self) -> None:
        self.watch(self.app, "theme", self._retheme, init=False)

    def _retheme(self) -> None:
        """Redraw in the colours of the new theme."""
        self._fill()

    def on_resize(self) -> None:
        if self._columns_that_fit() != self._shown_columns:
            self._fill()

    @property
    def chosen(self) -> RunInfo | None:
        """Run under the cursor; None in an empty table."""
        return self._runs[self.cursor_row] if 0 <= self.cursor_row < len(self._runs) else None

    def show(self, runs: Sequence[RunInfo], marked: Sequence[Path]) -> None:
        """Show the runs in that order; a marked run carries its letter of the comparison."""
        same_rows = [run.path for run in runs] == [run.path for run in self._runs]
        chosen = self.chosen
        self._runs, self._marked = tuple(runs), tuple(marked)
        if not same_rows or self._columns_that_fit() != self._shown_columns:
            self._fill(chosen)
            return
        for row, (run, before) in enumerate(zip(runs, self._drawn, strict=True)):
            cells = self._cells(run)
            for column, (cell, old) in enumerate(zip(cells, before, strict=True)):
                if cell != old:
                    self.update_cell_at(Coordinate(row, column), cell)
            self._drawn[row] = cells

    def _fill(self, chosen: RunInfo | None = None) -> None:
        chosen = chosen or self.chosen
        columns = self._columns_that_fit()
        with self.app.batch_update():
            self.clear(columns=columns != self._shown_columns)
            if columns != self._shown_columns:
                self._shown_columns = columns
                for name in columns:
                    self.add_column(self._heading(name), width=_WIDTHS.get(name), key=name)
            self._drawn = [self._cells(run) for run in self._runs]
            for run, cells in zip(self._runs, self._drawn, strict=True):
                self.add_row(*cells, key=str(run.path))
            paths = [run.path for run in self._runs]
            if chosen is not None and chosen.path in paths:
                self.move_cursor(row=paths.index(chosen.path))

    def _columns_that_fit(self) -> tuple[str, ...]:
        """Return the columns without those for which there is no room: notes, then start times, which names contain."""
        longest = max((len(run.id) for run in self._runs), default=0)
        left = self.size.width - _WITHOUT_RUN - longest - _STARTED_COLUMNS - _PADDING
        noted = any(run.note for run in self._runs) and left >= _LEAST_NOTE_COLUMNS + _PADDING
        return COLUMNS if noted else COLUMNS[:-1] if left >= 0 else COLUMNS[:-2]

    def _heading(self, name: str) -> Text:
        return Text(name, justify="right" if name in _RIGHT else "left")

    def _cells(self, run: RunInfo) -> list[Text]:
        """Return the cells of one run in the shown columns."""
        styles = styles_of(self.app.theme)
        cells = self._spans(run)
        return [
            Text(span.text, styles[span.style], justify="right" if name in _RIGHT else "left", no_wrap=True)
            for name, span in zip(COLUMNS, cells, strict=True)
            if name in self._shown_columns
        ]

    def _spans(self, run: RunInfo) -> list[Span]:
        if run.path in self._marked:
            at = self._marked.index(run.path)
            mark = Span(LETTERS[at], f"series{at}")
        else:
            mark = Span("·", "muted")
        state = condition_span(run.state, paused=run.paused)
        started = f"{datetime.fromtimestamp(run.started):%d %b %H:%M}" if run.started else "-"
        step = "-" if run.state is RunCondition.UNREADABLE else f"{run.step}/{run.steps or '?'}"
        figures = ["-" if value is None else f"{100 * value:.0f}%" for value in last_figures(run)]
        texts = [one_column(run.id), step, *figures, started, one_column(run.note)]
        name, *others = (Span(text, "text") for text in texts)
        return [mark, name, state, *others]

    def on_click(self, event: events.Click) -> None:
        """Mark the run instead of opening it if the click is on the column of marks."""
        row, column = (event.style.meta.get(name) for name in ("row", "column"))
        if column == 0 and isinstance(row, int) and 0 <= row < len(self._runs):
            event.prevent_default()
            self.move_cursor(row=row)
            self.focus()
            self.post_message(self.Marked(self._runs[row]))
