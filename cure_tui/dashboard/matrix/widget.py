"""Pass matrix as one line-API widget with a cursor: Textual's DataTable takes eight times as long per cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from cure_tui.dashboard.lines import LinesView
from cure_tui.dashboard.matrix.picture import NOTHING, Cell, MatrixPicture, draw_reading, matrix_rows, side_of
from cure_tui.dashboard.matrix.reading import Reading, read_matrix
from cure_tui.dashboard.matrix.words import TRAINING, Words
from cure_tui.drawing.spans import Span
from engine.runs.records import MatrixRecord


class MatrixView(LinesView, can_focus=True):
    """View of one task's matrix; the cursor keeps its place if a new matrix has that cell."""

    DEFAULT_CSS = """
    MatrixView { height: 1fr; width: 1fr; }
    """
    ALLOW_SELECT = False  # dragging moves the cursor
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(0, -1)", "Previous test", show=False),
        Binding("right,l", "move(0, 1)", "Next test", show=False),
        Binding("up,k", "move(-1, 0)", "Previous program", show=False),
        Binding("down,j", "move(1, 0)", "Next program", show=False),
        Binding("home", "end_of_row(-1)", "First test", show=False),
        Binding("end", "end_of_row(1)", "Last test", show=False),
        Binding("pageup", "page(-1)", "Programs a page up", show=False),
        Binding("pagedown", "page(1)", "Programs a page down", show=False),
        Binding("ctrl+home,g", "end_of_column(-1)", "First program", show=False),
        Binding("ctrl+end,G", "end_of_column(1)", "Last program", show=False),
        Binding("enter", "choose", "Open the cell"),
    ]

    class CellChosen(Message):
        """Choice of a cell by Enter or double click; `test` counts within its side: ground truth or generated."""

        def __init__(self, view: MatrixView, program: int, test: int, is_truth: bool) -> None:
            super().__init__()
            self.view, self.program, self.test, self.is_truth = view, program, test, is_truth

        @property
        def control(self) -> MatrixView:
            return self.view

    class ProgramChosen(Message):
        """Choice of a program by Enter in a matrix that has no tests, hence no cells."""

        def __init__(self, program: int) -> None:
            super().__init__()
            self.program = program

    def __init__(self, *, id: str | None = None, words: Words = TRAINING) -> None:
        super().__init__(id=id)
        self._words = words
        self._record: MatrixRecord | None = None
        self._reading: Reading | None = None
        self.nothing = NOTHING
        self._cursor: Cell = (0, 0)
        self._scroll: Cell = (0, 0)
        self._picture = MatrixPicture(())

    def show(
        self, record: MatrixRecord | None, malformed: Sequence[bool] | None = None, *, nothing: str = NOTHING
    ) -> None:
        """Draw `record`. malformed: as in `read_matrix`. nothing: the text shown if there is no matrix."""
        if record is self._record and nothing == self.nothing:
            return
        self._record = record
        self.show_reading(read_matrix(record, malformed) if record is not None else None, nothing=nothing)

    def show_reading(self, reading: Reading | None, *, nothing: str = NOTHING) -> None:
        """Draw a matrix that was read already; `nothing` is shown if there is none or it has no program."""
        self.nothing = nothing
        had_programs = self._reading is not None
        self._reading = reading if reading is not None and reading.n else None
        if had_programs is not (self._reading is not None):
            self.refresh_bindings()
        self._move_to(*self._cursor)

    @property
    def cursor(self) -> Cell:
        """Cell under the cursor: (program, column); columns count the ground-truth tests first."""
        return self._cursor

    def move_to(self, program: int, test: int, is_truth: bool) -> None:
        """Move the cursor to a cell, or to the nearest one that exists."""
        truth_tests = self._reading.t if self._reading else 0
        self._move_to(program, test if is_truth else truth_tests + test)

    def render_line(self, y: int) -> Strip:
        row = self._picture.rows[y] if y < len(self._picture.rows) else ()
        if not self.has_focus:
            row = tuple(Span(span.text, "resting") if span.style == "cursor" else span for span in row)
        return self.strip(row)

    def on_mount(self) -> None:
        self._draw()

    def on_resize(self, _: events.Resize) -> None:
        self._draw()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        cell = self._cell_under(event)
        if cell is not None:
            self._move_to(*cell)

    def on_click(self, event: events.Click) -> None:
        if event.chain == 2 and self._cell_under(event) is not None:
            self.action_choose()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._scroll_by(event, 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._scroll_by(event, -1)

    def action_move(self, programs: int, columns: int) -> None:
        self._move_to(self._cursor[0] + programs, self._cursor[1] + columns)

    def action_page(self, pages: int) -> None:
        self._move_to(self._cursor[0] + pages * max(1, self._picture.page[0] - 1), self._cursor[1])

    def action_end_of_row(self, direction: int) -> None:
        """Move the cursor to the end of its side, and from there to the end of the other side."""
        if self._reading is None:
            return
        t, last, at = self._reading.t, self._reading.t + self._reading.m - 1, self._cursor[1]
        stops = [0, t, last] if direction < 0 else [0, t - 1, last]
        beyond = [stop for stop in stops if (stop - at) * direction > 0]
        if beyond:
            self._move_to(self._cursor[0], max(beyond) if direction < 0 else min(beyond))

    def action_end_of_column(self, direction: int) -> None:
        if self._reading is not None:
            self._move_to(0 if direction < 0 else self._reading.n - 1, self._cursor[1])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim the key that opens a cell while there is none."""
        return None if action == "choose" and self._reading is None else True

    def action_choose(self) -> None:
        reading = self._reading
        program, column = self._cursor
        if reading is not None and reading.t + reading.m:
            self.post_message(self.CellChosen(self, program, *side_of(column, reading.t)))
        elif reading is not None:
            self.post_message(self.ProgramChosen(program))

    def _cell_under(self, event: events.MouseEvent) -> Cell | None:
        offset = event.get_content_offset(self)
        return None if offset is None else self._picture.cell_at(offset.x, offset.y)

    def _scroll_by(self, event: events.MouseEvent, lines: int) -> None:
        """Scroll the matrix and leave the cursor; the next key brings the cursor back into sight."""
        first, column = self._scroll
        self._scroll = (first, max(0, column + 2 * lines)) if event.shift else (max(0, first + lines), column)
        before = self._picture.scroll
        self._draw(follow=False)
        if self._picture.scroll != before:
            event.stop()  # at the end of the matrix the screen may scroll

    def _move_to(self, program: int, column: int) -> None:
        reading = self._reading
        if reading is not None:
            # without a matrix (between two tasks or steps) the cursor keeps its place
            last_column = max(0, reading.t + reading.m - 1)
            self._cursor = (max(0, min(program, reading.n - 1)), max(0, min(column, last_column)))
        self._draw()

    def _draw(self, *, follow: bool = True) -> None:
        columns, rows = self.size
        if self._reading is None:
            self._picture = matrix_rows(None, columns, rows, nothing=self.nothing)
        else:
            self._picture = draw_reading(
                self._reading,
                columns,
                rows,
                cursor=self._cursor,
                scroll=self._scroll,
                follow=follow,
                words=self._words,
            )
            self._scroll = self._picture.scroll
        self.refresh()
