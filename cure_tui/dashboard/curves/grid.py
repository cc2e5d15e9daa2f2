"""Grid of charts: choice of one, keys that change how they are drawn, one chart alone, and export."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Grid, VerticalScroll

from cure_tui.charts import ChartOptions, Series, to_csv, to_svg
from cure_tui.dashboard.copying import save
from cure_tui.dashboard.curves.chart import ChartView
from cure_tui.dashboard.curves.setting import ChartSetting
from cure_tui.dashboard.rows import RowsView
from cure_tui.drawing.smoothing import Smoothing, smoothing_text
from cure_tui.drawing.spans import Span
from cure_tui.runs.curves import ChartSpec, XAxis, chart_options

Lines = Callable[[ChartSpec, XAxis], list[Series]]
"""Function that returns the lines of a chart over an axis."""

_CHART_COLUMNS = 52
_SVG_SIZE = (900, 480)


class ChartBox(Container, can_focus=True):
    """Chart that can be chosen: arrows move on, Enter or a double click shows it alone."""

    DEFAULT_CSS = """
    ChartBox { height: 12; border: round $panel; }
    ChartBox:focus { border: round $primary; }
    ChartBox.-alone { height: 1fr; }
    """

    def __init__(self, spec: ChartSpec) -> None:
        super().__init__()
        self.spec = spec
        # Textual's help panel shows the HELP of the focused widget.
        meanings = "".join(f"- {name and f'`{name}`: '}{meaning}\n" for name, meaning in spec.meanings)
        self.HELP = f"**{spec.title}**\n\n{meanings}"  # type: ignore[misc]  # Textual declares it for classes

    def compose(self) -> ComposeResult:
        yield ChartView()


class ChartScroll(VerticalScroll, can_focus=False, inherit_bindings=False):
    """Container that scrolls by wheel and page keys only: arrows choose a chart."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("pagedown", "page_down", "Page down", show=False),
    ]


class ChartGrid(Container):
    """Grid of charts, with a line on how they are drawn above, and the meaning of a chart shown alone below.

    Call `show` as often as there is something new.
    """

    DEFAULT_CSS = """
    ChartGrid #how { height: 1; padding: 0 1; }
    ChartGrid #meanings { height: auto; padding: 0 1; }
    ChartGrid ChartScroll { height: 1fr; }
    ChartGrid Grid { height: auto; grid-rows: 12; }
    ChartGrid Grid.-alone { height: 100%; grid-rows: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "axis", "X axis"),
        Binding("s", "smooth", "Smooth"),
        Binding("l", "logarithm", "Log y"),
        Binding("enter", "alone", "One chart"),
        Binding("e", "export", "Export"),
        Binding("right", "move(1)", "Next chart", show=False),
        Binding("left", "move(-1)", "Previous chart", show=False),
        Binding("down", "move_row(1)", "Chart below", show=False),
        Binding("up", "move_row(-1)", "Chart above", show=False),
    ]

    def __init__(
        self, charts: Sequence[ChartSpec], exports: Path, smoothing: Smoothing, *, tag: str = "",
        names: Mapping[str, str] | None = None, marks: int = 1, id: str | None = None,
    ) -> None:  # fmt: skip
        """Lay out `charts`. exports: folder for files. smoothing: shared by all charts of the app.

        tag: suffix of file names. names: names of lines in files, if others. marks: markers per line.
        """
        super().__init__(id=id)
        self._charts, self._exports, self._tag = tuple(charts), exports, tag
        self._names = names or {}
        self._marks = marks
        self._setting, self._smoothing = ChartSetting(), smoothing
        self._lines: Lines | None = None
        self._cursor: float | None = None
        self._alone: ChartSpec | None = None
        self._absent = frozenset(spec.name for spec in self._charts if spec.of_some_runs)

    def compose(self) -> ComposeResult:
        yield RowsView(id="how")
        with ChartScroll(), Grid():
            for spec in self._charts:
                yield ChartBox(spec)
        yield RowsView(id="meanings")

    def on_mount(self) -> None:
        self._arrange()

    def on_resize(self) -> None:
        self._arrange()

    def show(self, lines: Lines, cursor: float | None = None) -> None:
        """Show new lines. cursor: the x of a vertical line, None for no line."""
        self._lines, self._cursor = lines, cursor
        absent = frozenset(spec.name for spec in self._charts if spec.of_some_runs and not self._has_values(spec))
        if absent != self._absent:
            self._absent = absent
            self._arrange()
        self._draw()

    def _has_values(self, spec: ChartSpec) -> bool:
        return any(bool(np.isfinite(each.y).any()) for each in self.series(spec))

    @property
    def _boxes(self) -> list[ChartBox]:
        """Charts that can be chosen, whether one of them is shown alone or not."""
        return [box for box in self.query(ChartBox) if box.spec.name not in self._absent]

    def series(self, spec: ChartSpec) -> list[Series]:
        """Return the lines of a chart over the chosen axis."""
        return self._lines(spec, self._setting.axis) if self._lines else []

    def take_focus(self) -> None:
        """Focus the chosen chart, unless a chart has the focus."""
        if not isinstance(self.screen.focused, ChartBox):
            self.screen.set_focus(self.chosen)

    def _draw(self) -> None:
        self.query_one("#how", RowsView).show([(Span(self._setting.described(self._smoothing.weight), "muted"),)])
        meanings = self._alone.meanings if self._alone else []
        rows = [(Span(name and f"{name}: ", "text"), Span(meaning, "muted")) for name, meaning in meanings]
        self.query_one("#meanings", RowsView).show(rows)
        if self._lines is None:
            return
        for box in self.query(ChartBox):
            if box.display:
                box.query_one(ChartView).show(self.series(box.spec), self._options(box.spec))

    def _options(self, spec: ChartSpec) -> ChartOptions:
        setting = self._setting
        return chart_options(
            spec, axis=setting.axis, smoothing=self._smoothing.weight, log_y=setting.log_y, cursor=self._cursor,
            marks=self._marks,
        )  # fmt: skip

    @property
    def _columns(self) -> int:
        return 1 if self._alone else max(1, self.size.width // _CHART_COLUMNS)

    def _arrange(self) -> None:
        grid = self.query_one(Grid)
        grid.styles.grid_size_columns = self._columns
        grid.set_class(self._alone is not None, "-alone")
        for box in self.query(ChartBox):
            box.display = box.spec.name not in self._absent and (self._alone is None or box.spec is self._alone)
            box.set_class(box.spec is self._alone, "-alone")

    # Choosing a chart ---------------------------------------------------------------------------------------

    @property
    def chosen(self) -> ChartBox:
        """Chart with the focus, else the one shown alone, else the first."""
        boxes = self._boxes
        wanted = (box for box in boxes if box.has_focus or box.spec is self._alone)
        return next(wanted, boxes[0])

    def action_move(self, by: int) -> None:
        """Choose the previous or next chart; it replaces a chart shown alone."""
        boxes = self._boxes
        self._choose(boxes[(boxes.index(self.chosen) + by) % len(boxes)])

    def action_move_row(self, by: int) -> None:
        """Choose the chart a row up or down, if there is one."""
        boxes = self._boxes
        at = boxes.index(self.chosen) + by * self._columns
        if 0 <= at < len(boxes):
            self._choose(boxes[at])

    def _choose(self, box: ChartBox) -> None:
        if self._alone:
            self._alone = box.spec
            self._arrange()
            self._draw()
        self.screen.set_focus(box)

    def action_alone(self) -> None:
        chosen = self.chosen
        self._alone = None if self._alone else chosen.spec
        self._arrange()
        self.screen.set_focus(chosen)
        self._draw()

    def on_click(self, event: events.Click) -> None:
        if event.chain == 2:
            self.action_alone()

    # How they are drawn -------------------------------------------------------------------------------------

    def action_axis(self) -> None:
        self._set(self._setting.next_axis())

    def action_smooth(self) -> None:
        self._smoothing.turn()
        self._draw()

    def action_logarithm(self) -> None:
        self._set(self._setting.other_scale())

    def _set(self, setting: ChartSetting) -> None:
        self._setting = setting
        self._draw()

    def action_export(self) -> None:
        """Save the chosen chart as CSV and SVG."""
        if self._lines is None:
            return
        if not self._exports.parent.is_dir():  # do not recreate the folder of a run deleted meanwhile
            self.notify(f"nothing was saved: {self._exports.parent} no longer exists", severity="error", markup=False)
            return
        spec, axis = self.chosen.spec, self._setting.axis
        series = [replace(each, name=self._names.get(each.name, each.name)) for each in self.series(spec)]
        name = "-".join(part for part in (spec.name.replace("/", " per "), self._tag) if part)
        options = self._options(spec)
        table = save(to_csv(series, axis.value), self._exports, f"{name}.csv")
        picture = save(to_svg(series, *_SVG_SIZE, options), self._exports, f"{name}.svg")
        for each, values in ((table, "raw values"), (picture, smoothing_text(options.smoothing))):
            said = each.message if each.failed else f"{each.message}: {values}"
            self.notify(said, severity="error" if each.failed else "information", markup=False)
