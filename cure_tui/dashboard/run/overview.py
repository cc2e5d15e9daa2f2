"""Overview of a run: live rollouts, the newest matrix and four curves; a digest on a small terminal."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid, Horizontal, Vertical

from cure_tui.dashboard.curves.chart import ChartView, chart_glyphs
from cure_tui.dashboard.explain import Explanation, Term, metric_terms
from cure_tui.dashboard.matrix.terms import MATRIX
from cure_tui.dashboard.matrix.widget import MatrixView
from cure_tui.dashboard.messages import OpenCell
from cure_tui.dashboard.pane import Pane
from cure_tui.dashboard.rows import RowsView
from cure_tui.dashboard.run.digest import digest_rows
from cure_tui.dashboard.wall.widget import WallView
from cure_tui.drawing.smoothing import Smoothing, smoothing_text
from cure_tui.drawing.spans import Span
from cure_tui.runs.activity import activity
from cure_tui.runs.archive_view import ArchiveView
from cure_tui.runs.curves import CHART_BY_NAME, XAxis, chart_options, chart_series
from cure_tui.runs.watcher import Snapshot
from engine.runs.live import LiveView
from engine.runs.records import TaskRecord

CHARTS = ("accuracy", "rewards", "trust", "KL")
PARTS = ("digest", "wall", "matrix", "charts")
_WIDE, _HIGH = 100, 28


OVERVIEW_TEXT = (
    "The answers that are being sampled, the pass matrix of one task of the newest step, and the most important curves."
)
OVERVIEW_TERMS = (
    Term("◆ ◇", "a coder's answer (a program), a tester's answer (a test)"),
    Term("▸ □", "being sampled; finished and not judged yet"),
    Term("⋯", "cut off at the limit on tokens", "warning"),
    Term("3/8", "of a program: ground-truth tests passed; of a test: programs that pass it"),
    Term("● ○", "correct program or right test; wrong"),
)


class OverviewPane(Pane, can_focus=True):
    """View with the wall above, matrix and curves below. A small terminal shows a digest of all; `p` turns to pages."""

    DEFAULT_CSS = """
    OverviewPane #top { height: 2fr; }
    OverviewPane #bottom { height: 3fr; }
    OverviewPane #matrix-side { width: 2fr; }
    OverviewPane #matrix-title, OverviewPane #charts-title { height: 1; }
    OverviewPane #charts-side { width: 3fr; }
    OverviewPane #charts { grid-size: 2 2; grid-gutter: 0 1; }
    OverviewPane #digest { display: none; }
    OverviewPane.-over #top { display: none; }
    OverviewPane.-small #top, OverviewPane.-small #bottom { height: 1fr; display: none; }
    OverviewPane.-small #matrix-side, OverviewPane.-small #charts-side { width: 1fr; display: none; }
    OverviewPane.-small.-digest #digest { display: block; }
    OverviewPane.-small.-digest #bottom, OverviewPane.-small.-digest #matrix-side { display: block; }
    OverviewPane.-small.-wall #top { display: block; }
    OverviewPane.-small.-matrix #bottom, OverviewPane.-small.-matrix #matrix-side { display: block; }
    OverviewPane.-small.-charts #bottom, OverviewPane.-small.-charts #charts-side { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "turn", "Next page"),
        Binding("comma", "task(-1)", "Previous task", show=False),
        Binding("full_stop", "task(1)", "Next task", show=False),
    ]

    def __init__(self, archive: ArchiveView, *, id: str = "overview", smoothing: Smoothing | None = None) -> None:
        super().__init__(archive, id=id, smoothing=smoothing)
        self._task_number = 0
        self._record: TaskRecord | None = None
        self._part = PARTS[0]
        self._wall: LiveView | None = None
        self._focus_is_due = False

    def compose(self) -> ComposeResult:
        yield RowsView(id="digest")
        with Horizontal(id="top"):
            yield WallView()
        with Horizontal(id="bottom"):
            with Vertical(id="matrix-side"):
                yield RowsView(id="matrix-title")
                yield MatrixView()
            with Vertical(id="charts-side"):
                yield RowsView(id="charts-title")
                with Grid(id="charts"):
                    for name in CHARTS:
                        yield ChartView(id=f"chart-{name}")

    @property
    def explanation(self) -> Explanation:
        names = (name for chart in CHARTS for name in CHART_BY_NAME[chart].metrics)
        terms = (*OVERVIEW_TERMS, *metric_terms(names), *MATRIX.terms)
        return Explanation("overview", OVERVIEW_TEXT, terms)

    def on_mount(self) -> None:
        size = self.app.size  # the first frame is drawn before `on_resize`
        self.set_class(size.width < _WIDE or size.height < _HIGH, "-small")
        self._turn_to(PARTS[0])

    def on_resize(self) -> None:
        self.set_class(self._is_small, "-small")
        self._show_digest()
        if self._focus_is_due:
            self._take_focus()
        self._keep_focus()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to turn pages only if not all parts fit."""
        return action != "turn" or self._is_small

    @property
    def _is_small(self) -> bool:
        """Compare the size itself, which is known before `on_resize` has set the class."""
        return self.size.width < _WIDE or self.size.height < _HIGH

    def catch_up(self) -> None:
        super().catch_up()
        self._take_focus()

    def update_view(self, snapshot: Snapshot, step: int | None) -> None:
        live = snapshot.live
        if live is not None and (live.slots or not self._wall):
            self._wall = live
        if snapshot.is_starting_up:  # the answers are an earlier engine's
            self._wall = None
        # Between two phases of sampling the last answers stay: a wall that flickers cannot be read.
        wall = self._wall if snapshot.is_live else None
        self.query_one(WallView).show(wall, activity(snapshot.condition, snapshot.state))
        self._show_digest()
        self.set_class(not snapshot.is_live, "-over")
        if not snapshot.is_live and self._part == "wall":  # without an engine there is no wall
            self._turn_to(PARTS[0])
        self._show_matrix(snapshot, step)
        smoothing = self.smoothing.weight
        self.query_one("#charts-title", RowsView).show([(Span(f"curves {smoothing_text(smoothing)}", "muted"),)])
        for name in CHARTS:
            series = chart_series(snapshot.state, CHART_BY_NAME[name], XAxis.STEP)
            options = chart_options(CHART_BY_NAME[name], smoothing=smoothing, cursor=step)
            self.query_one(f"#chart-{name}", ChartView).show(series, options)

    def _show_digest(self) -> None:
        snapshot = self._snapshot
        if snapshot is None or not (self._is_small and self._part == "digest"):
            return
        glyphs = chart_glyphs(self.app)
        rows = digest_rows(snapshot, self._wall, self._step, self.size.width, glyphs=glyphs)
        self.query_one("#digest", RowsView).show(rows)

    def _show_matrix(self, snapshot: Snapshot, step: int | None) -> None:
        tasks = self.newest_tasks(snapshot, step)
        record = tasks[self._task_number % len(tasks)] if tasks else None
        self._record = record
        nothing = self.why_no_tasks(snapshot, step)
        malformed = record.malformed_tests if record else None
        matrix = record.matrix if record else None
        self.query_one(MatrixView).show(matrix, malformed, nothing=nothing)
        title = f"step {step or snapshot.state.step}  {record.task}" if record else ""
        count = f"  task {self._task_number % len(tasks) + 1} of {len(tasks)}, . next" if tasks else ""
        self.query_one("#matrix-title", RowsView).show([(Span(title, "title"), Span(count, "muted"))])

    def action_turn(self) -> None:
        parts = [part for part in PARTS if part != "wall" or not self.has_class("-over")]
        self._turn_to(parts[(parts.index(self._part) + 1) % len(parts)])

    def _turn_to(self, part: str) -> None:
        """Choose the part that a small terminal shows."""
        self._part = part
        for each in PARTS:
            self.set_class(each == part, f"-{each}")
        self._show_digest()
        self._keep_focus()

    def _take_focus(self) -> None:
        """Focus the matrix if it is visible, for its arrows, else the pane itself, for its keys."""
        self._focus_is_due = not self.size  # what is visible is known with the first size
        if self._focus_is_due:
            return
        matrix_is_shown = not self._is_small or self._part in ("digest", "matrix")
        # not `focus`, which waits: by then another part may be shown
        self.screen.set_focus(self.query_one(MatrixView) if matrix_is_shown else self)

    def _keep_focus(self) -> None:
        if self.screen.focused in (self, self.query_one(MatrixView)):
            self._take_focus()

    def action_task(self, by: int) -> None:
        self._task_number += by
        super().catch_up()

    def on_matrix_view_cell_chosen(self, event: MatrixView.CellChosen) -> None:
        if self._record is not None:
            self.post_message(OpenCell(self._record, event.program, event.test, event.is_truth))
