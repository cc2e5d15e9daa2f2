"""The curves view: every metric of the run, over step, minutes, tokens or problems, smoothed or not, to be exported."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Grid, VerticalScroll

from cure_tui.archive_view import ArchiveView
from cure_tui.charts import ChartOptions, to_csv, to_svg
from cure_tui.copying import save
from cure_tui.curves import CHARTS, ChartSpec, XAxis, chart_options, chart_series
from cure_tui.panes.pane import Pane
from cure_tui.spans import Span
from cure_tui.watch import Snapshot
from cure_tui.widgets.chart import ChartView
from cure_tui.widgets.rows import RowsView

SMOOTHINGS = (0.0, 0.6, 0.9, 0.97)
_CHART_COLUMNS = 52
_SVG_SIZE = (900, 480)


class ChartBox(Container, can_focus=True):
    """One chart that can be chosen: Tab goes on, Enter shows it alone."""

    DEFAULT_CSS = """
    ChartBox { height: 12; border: round $panel; }
    ChartBox:focus { border: round $primary; }
    ChartBox.-alone { height: 1fr; }
    """

    def __init__(self, spec: ChartSpec) -> None:
        super().__init__()
        self.spec = spec

    def compose(self) -> ComposeResult:
        yield ChartView()


class CurvesPane(Pane):
    """A grid of charts under one line that says how they are drawn."""

    DEFAULT_CSS = """
    CurvesPane #how { height: 1; padding: 0 1; }
    CurvesPane VerticalScroll { height: 1fr; }
    CurvesPane Grid { height: auto; grid-rows: 12; }
    CurvesPane Grid.-alone { height: 100%; grid-rows: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "axis", "X axis"),
        Binding("s", "smooth", "Smooth"),
        Binding("l", "logarithm", "Log y"),
        Binding("enter", "alone", "One chart"),
        Binding("e", "export", "Export"),
        Binding("down,right", "app.focus_next", "Next chart", show=False),
        Binding("up,left", "app.focus_previous", "Previous chart", show=False),
    ]

    def __init__(self, archive: ArchiveView, *, id: str = "curves") -> None:
        super().__init__(archive, id=id)
        self._axis, self._smoothing, self._log_y = XAxis.STEP, 0.0, False
        self._alone: ChartSpec | None = None

    def compose(self) -> ComposeResult:
        yield RowsView(id="how")
        with VerticalScroll(can_focus=False), Grid():
            for spec in CHARTS:
                yield ChartBox(spec)

    def on_resize(self) -> None:
        self._arrange()

    def catch_up(self) -> None:
        super().catch_up()
        if not isinstance(self.screen.focused, ChartBox):
            self.query(ChartBox).first().focus()

    def update_view(self, snapshot: Snapshot, step: int | None) -> None:
        smooth = f"smoothing {self._smoothing:g}" if self._smoothing else "not smoothed"
        how = f"over {self._axis.value}, {smooth}, {'logarithmic' if self._log_y else 'linear'} y"
        self.query_one("#how", RowsView).show([(Span(how, "muted"),)])
        for box in self.query(ChartBox):
            if box.display:
                box.query_one(ChartView).show(
                    chart_series(snapshot.state, box.spec, self._axis), self._options(box.spec)
                )

    def _options(self, spec: ChartSpec) -> ChartOptions:
        return chart_options(
            spec, axis=self._axis, smoothing=self._smoothing, log_y=self._log_y, cursor=self._step,
            ascii_only=self.cure.ascii_only,
        )  # fmt: skip

    def _arrange(self) -> None:
        grid = self.query_one(Grid)
        grid.styles.grid_size_columns = 1 if self._alone else max(1, self.size.width // _CHART_COLUMNS)
        grid.set_class(self._alone is not None, "-alone")
        for box in self.query(ChartBox):
            box.display = self._alone is None or box.spec is self._alone
            box.set_class(box.spec is self._alone, "-alone")

    # Actions ------------------------------------------------------------------------------------------------

    def action_axis(self) -> None:
        axes = list(XAxis)
        self._axis = axes[(axes.index(self._axis) + 1) % len(axes)]
        self.catch_up()

    def action_smooth(self) -> None:
        self._smoothing = SMOOTHINGS[(SMOOTHINGS.index(self._smoothing) + 1) % len(SMOOTHINGS)]
        self.catch_up()

    def action_logarithm(self) -> None:
        self._log_y = not self._log_y
        self.catch_up()

    def action_alone(self) -> None:
        chosen = self._chosen()
        self._alone = None if self._alone else chosen.spec
        self._arrange()
        chosen.focus()
        self.catch_up()

    def action_export(self) -> None:
        """The chosen chart as CSV and SVG, into the run's folder."""
        if self._snapshot is None:
            return
        spec = self._chosen().spec
        series = chart_series(self._snapshot.state, spec, self._axis)
        folder, name = self._snapshot.path / "exports", spec.name.replace("/", " per ").replace(" ", "-")
        saved = [
            save(to_csv(series), folder, f"{name}.csv"),
            save(to_svg(series, *_SVG_SIZE, self._options(spec)), folder, f"{name}.svg"),
        ]
        for each in saved:
            self.notify(each.message, severity="error" if each.failed else "information", markup=False)

    def _chosen(self) -> ChartBox:
        focused = self.screen.focused
        return focused if isinstance(focused, ChartBox) else self.query(ChartBox).first()
