"""Matrix view: programs x tests of one task, with its statement beside it; Enter opens a cell."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Static

from cure_tui.dashboard.explain import Explanation
from cure_tui.dashboard.matrix.terms import MATRIX
from cure_tui.dashboard.matrix.widget import MatrixView
from cure_tui.dashboard.messages import OpenCell
from cure_tui.dashboard.pane import Pane
from cure_tui.dashboard.rows import RowsView
from cure_tui.drawing.smoothing import Smoothing
from cure_tui.drawing.spans import Span
from cure_tui.runs.archive_view import ArchiveView
from cure_tui.runs.watcher import Snapshot
from engine.runs.records import TaskRecord

_WIDE = 100


class MatrixPane(Pane):
    """View of the matrices of a step: `,` and `.` choose the task, `[` and `]` (of the screen) the step."""

    DEFAULT_CSS = """
    MatrixPane #matrix-title { height: 1; }
    MatrixPane MatrixView { width: 3fr; }
    MatrixPane #statement-side { width: 2fr; padding: 0 1; border-left: solid $panel; }
    MatrixPane.-small #statement-side { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("comma", "task(-1)", "Previous task"),
        Binding("full_stop", "task(1)", "Next task"),
    ]

    def __init__(self, archive: ArchiveView, *, id: str = "matrix", smoothing: Smoothing | None = None) -> None:
        super().__init__(archive, id=id, smoothing=smoothing)
        self._task_number = 0
        self._record: TaskRecord | None = None

    def compose(self) -> ComposeResult:
        yield RowsView(id="matrix-title")
        with Horizontal():
            yield MatrixView()
            with VerticalScroll(id="statement-side", can_focus=False):
                yield Static(id="statement", markup=False)

    @property
    def explanation(self) -> Explanation:
        return MATRIX

    def on_resize(self) -> None:
        self.set_class(self.size.width < _WIDE, "-small")

    def catch_up(self) -> None:
        super().catch_up()
        self.query_one(MatrixView).focus()

    def update_view(self, snapshot: Snapshot, step: int | None) -> None:
        shown = step or snapshot.state.step
        tasks = self.newest_tasks(snapshot, step)
        record = tasks[self._task_number % len(tasks)] if tasks else None
        if record is not None and record is self._record:
            return
        self._record = record
        nothing = self.why_no_tasks(snapshot, step)
        malformed = record.malformed_tests if record else None
        matrix = record.matrix if record else None
        self.query_one(MatrixView).show(matrix, malformed, nothing=nothing)
        if record is None:
            self.query_one("#matrix-title", RowsView).show([()])
            self.query_one("#statement", Static).update("")
            return
        number = self._task_number % len(tasks) + 1
        title = (Span(f"step {shown}  {record.task}", "title"), Span(f"  task {number} of {len(tasks)}", "muted"))
        self.query_one("#matrix-title", RowsView).show([title])
        self.query_one("#statement", Static).update(_beside(record))

    def action_task(self, by: int) -> None:
        self._task_number += by
        self.catch_up()

    def show_task(self, task: str) -> None:
        """Show the matrix of a task by its name, if the step has it."""
        if self._snapshot is None:
            return
        names = [each.task for each in self.newest_tasks(self._snapshot, self._step)]
        if task in names:
            self._task_number = names.index(task)
            self.catch_up()

    def on_matrix_view_cell_chosen(self, event: MatrixView.CellChosen) -> None:
        if self._record is not None:
            self.post_message(OpenCell(self._record, event.program, event.test, event.is_truth, self._return))

    def _return(self, last: tuple[int, int, bool] | None) -> None:
        if last is not None:
            self.query_one(MatrixView).move_to(*last)


def _beside(record: TaskRecord) -> str:
    """Return the statement and the ground-truth tests."""
    lines = [record.statement.strip(), ""]
    for number, test in enumerate(record.truth_tests):
        lines.append(f"t{number}  {_short(test.input)} -> {_short(test.expected)}")
    return "\n".join(lines)


def _short(text: str, longest: int = 40) -> str:
    one_line = " / ".join(text.strip().splitlines())
    return one_line if len(one_line) <= longest else one_line[: longest - 1] + "…"
