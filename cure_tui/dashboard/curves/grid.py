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
from textual.widgets import Input

from cure_tui.charts import ChartOptions, Floats, Series, nearest_stop, stops
from cure_tui.dashboard.ask import AskScreen, Choice
from cure_tui.dashboard.curves.chart import ChartView
from cure_tui.dashboard.curves.exports import ChartFiles
from cure_tui.dashboard.curves.readout import best_row
from cure_tui.dashboard.curves.setting import ChartSetting
from cure_tui.dashboard.rows import RowsView
from cure_tui.drawing.smoothing import Smoothing
from cure_tui.drawing.spans import Row, Span
from cure_tui.runs.curves import ChartSpec, XAxis, chart_options

Lines = Callable[[ChartSpec, XAxis], list[Series]]
"""Function that returns the lines of a chart over an axis."""

_CHART_COLUMNS = 52
_ZOOM = 2.0
_LINE_KEYS = "123456789"


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
    ChartGrid #filter, ChartGrid #filter:focus { height: 1; border: none; padding: 0 1; background: $panel; }
    ChartGrid #filter { display: none; }
    ChartGrid #meanings { height: auto; padding: 0 1; }
    ChartGrid ChartScroll { height: 1fr; }
    ChartGrid Grid { height: auto; grid-rows: 12; }
    ChartGrid Grid.-alone { height: 100%; grid-rows: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "All charts"),
        Binding("enter", "alone", "One chart"),
        Binding("enter", "back", "All charts", show=False),
        Binding("right", "cursor(1)", "Cursor", key_display="←→"),
        Binding("left", "cursor(-1)", "Cursor back", show=False),
        Binding("right", "move(1)", "Next chart", show=False),
        Binding("left", "move(-1)", "Previous chart", show=False),
        Binding("down", "move_row(1)", "Chart below", show=False),
        Binding("up", "move_row(-1)", "Chart above", show=False),
        Binding("plus,equals_sign", "zoom(1)", "Zoom", key_display="+-"),
        Binding("minus", "zoom(-1)", "Zoom out", show=False),
        Binding("shift+right,greater_than_sign", "pan(1)", "Later", show=False),
        Binding("shift+left,less_than_sign", "pan(-1)", "Earlier", show=False),
        Binding("0", "whole", "All of x, no cursor", show=False),
        Binding("a", "axis", "X axis"),
        Binding("s", "smooth", "Smooth"),
        Binding("l", "logarithm", "Log y"),
        Binding("h", "hide", "Hide a line"),
        Binding("slash", "filter", "Filter"),
        Binding("e", "export", "Export"),
        Binding("E", "export_all", "Export all charts", show=False),
    ]

    def __init__(
        self, charts: Sequence[ChartSpec], exports: Path, smoothing: Smoothing, *, tag: str = "",
        names: Mapping[str, str] | None = None, marks: int = 1, id: str | None = None,
    ) -> None:  # fmt: skip
        """Lay out `charts`. exports: folder for files. smoothing: shared by all charts of the app.

        tag: suffix of file names. names: names of lines in files, if others. marks: markers per line.
        """
        super().__init__(id=id)
        self._charts = tuple(charts)
        self._files = ChartFiles(exports, tag, names or {})
        self._marks = marks
        self._setting, self._smoothing = ChartSetting(), smoothing
        self._lines: Lines | None = None
        self._travelled: float | None = None
        self._pointed: float | None = None
        self._alone: ChartSpec | None = None
        self._absent = frozenset(spec.name for spec in self._charts if spec.of_some_runs)

    def compose(self) -> ComposeResult:
        yield RowsView(id="how")
        yield Input(id="filter", placeholder="name of a chart or a metric; Enter keeps, Esc shows all")
        with ChartScroll(), Grid():
            for spec in self._charts:
                yield ChartBox(spec)
        yield RowsView(id="meanings")

    def on_mount(self) -> None:
        self._arrange()

    def on_resize(self) -> None:
        self._arrange()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let the arrows move the cursor of a chart shown alone, and choose a chart otherwise."""
        if action == "leave":
            return self._alone is not None or bool(self._setting.words) or self._typing
        if action in ("alone", "back"):
            return (self._alone is not None) is (action == "back")
        if action in ("cursor", "move"):
            return (self._alone is not None) is (action == "cursor")
        return True

    @property
    def _typing(self) -> bool:
        return self.query_one("#filter", Input).has_focus

    def show(self, lines: Lines, cursor: float | None = None) -> None:
        """Show new lines. cursor: the step of the journey through time, None while it follows the run."""
        self._lines, self._travelled = lines, cursor
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
        return [box for box in self.query(ChartBox) if self._is_listed(box.spec)]

    def _is_listed(self, spec: ChartSpec) -> bool:
        return spec.name not in self._absent and self._setting.is_shown(spec)

    def series(self, spec: ChartSpec) -> list[Series]:
        """Return the lines of a chart over the chosen axis, those that the user has hidden marked so."""
        lines = self._lines(spec, self._setting.axis) if self._lines else []
        hidden = self._setting.hidden
        return [replace(each, hidden=True) if (spec.name, each.name) in hidden else each for each in lines]

    def take_focus(self) -> None:
        """Focus the chosen chart, unless a chart of this grid has the focus."""
        if not any(box.has_focus for box in self.query(ChartBox)):
            self.screen.set_focus(self.chosen)

    @property
    def _cursor(self) -> float | None:
        """X at which legends read: under the mouse, chosen by keys, or the step of the journey through time."""
        if self._pointed is not None:
            return self._pointed
        if self._setting.cursor is not None:
            return self._setting.cursor
        return self._travelled if self._setting.axis is XAxis.STEP else None

    def _draw(self, *, at_once: bool = False) -> None:
        self.query_one("#how", RowsView).show([self._how()])
        self.query_one("#meanings", RowsView).show(list(self._below()))
        if self._lines is None:
            return
        for box in self.query(ChartBox):
            if box.display:
                box.query_one(ChartView).show(self.series(box.spec), self._options(box.spec), at_once=at_once)

    def _how(self) -> Row:
        said = self._setting.described(self._smoothing.weight)
        hidden = [line for chart, line in self._setting.hidden if self._alone is None or chart == self._alone.name]
        said += f", {len(hidden)} hidden (h)" if hidden else ""
        found = len(self._boxes)
        words = f'"{self._setting.words}": {found} of {len(self._charts)} charts, ' if self._setting.words else ""
        return (Span(words, "accent"), Span(said, "muted"))

    def _below(self) -> Sequence[Row]:
        """Return the rows below a chart shown alone: its best values, and what its metrics mean."""
        if self._alone is None:
            return []
        meanings = [
            (Span(name and f"{name}: ", "text"), Span(meaning, "muted")) for name, meaning in self._alone.meanings
        ]
        best = best_row(self.series(self._alone), self._setting.axis)
        return [best, *meanings] if best else meanings

    def _options(self, spec: ChartSpec) -> ChartOptions:
        setting = self._setting
        return chart_options(
            spec, axis=setting.axis, smoothing=self._smoothing.weight, log_y=setting.log_y, cursor=self._cursor,
            x_range=setting.x_range, marks=self._marks,
        )  # fmt: skip

    @property
    def _columns(self) -> int:
        return 1 if self._alone else max(1, self.size.width // _CHART_COLUMNS)

    def _arrange(self) -> None:
        grid = self.query_one(Grid)
        grid.styles.grid_size_columns = self._columns
        grid.set_class(self._alone is not None, "-alone")
        for box in self.query(ChartBox):
            box.display = self._is_listed(box.spec) and (self._alone is None or box.spec is self._alone)
            box.set_class(box.spec is self._alone, "-alone")
        self.refresh_bindings()

    # Choosing a chart ---------------------------------------------------------------------------------------

    @property
    def chosen(self) -> ChartBox:
        """Chart with the focus, else the one shown alone, else the first."""
        boxes = self._boxes or list(self.query(ChartBox))
        wanted = (box for box in boxes if box.has_focus or box.spec is self._alone)
        return next(wanted, boxes[0])

    def action_move(self, by: int) -> None:
        """Choose the previous or next chart."""
        boxes = self._boxes
        if boxes:
            self._choose(boxes[(boxes.index(self.chosen) + by) % len(boxes)])

    def action_move_row(self, by: int) -> None:
        """Choose the chart a row up or down, if there is one; it replaces a chart shown alone."""
        boxes = self._boxes
        at = boxes.index(self.chosen) + by * self._columns if boxes else -1
        if 0 <= at < len(boxes):
            self._choose(boxes[at])

    def _choose(self, box: ChartBox) -> None:
        if self._alone:
            self._alone = box.spec
            self._arrange()
            self._draw(at_once=True)
        self.screen.set_focus(box)

    def action_alone(self) -> None:
        """Show the chosen chart alone, or all again."""
        chosen = self.chosen
        self._alone = None if self._alone else chosen.spec
        self._arrange()
        self.screen.set_focus(chosen)
        self._draw(at_once=True)

    def action_back(self) -> None:
        self.action_alone()

    def action_leave(self) -> None:
        """Leave the chart shown alone; else show all charts again that the filter left out."""
        if self._alone is not None and not self._typing:
            self.action_alone()
            return
        self.query_one("#filter", Input).value = ""
        self._end_typing()

    def on_click(self, event: events.Click) -> None:
        if event.chain == 2:
            self.action_alone()

    # Charts by name -----------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        typed = self.query_one("#filter", Input)
        typed.display = True
        typed.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._alone = None
        self._setting = replace(self._setting, words=event.value.strip())
        self._arrange()
        self._draw(at_once=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._end_typing()

    def _end_typing(self) -> None:
        self.query_one("#filter", Input).display = False
        self.screen.set_focus(self.chosen)
        self.refresh_bindings()

    # Cursor and range ---------------------------------------------------------------------------------------

    def _places(self) -> Floats:
        """Return the x of all points of the chosen chart."""
        return stops(self.series(self.chosen.spec))

    def on_chart_view_pointed(self, event: ChartView.Pointed) -> None:
        """Read the values under the mouse, at the nearest point of the chart; a line stands there in every chart."""
        event.stop()
        box = event.view.parent
        places = stops(self.series(box.spec), self._setting.x_range) if isinstance(box, ChartBox) else np.zeros(0)
        pointed = None if event.x is None else nearest_stop(places, event.x)
        if pointed != self._pointed:
            self._pointed = pointed
            self._draw(at_once=True)

    def action_cursor(self, by: int) -> None:
        """Move the cursor to the next point, from the newest one or from where it stands."""
        self._pointed = None
        setting = self._setting
        if setting.cursor is None:
            setting = replace(setting, cursor=self._cursor)
        self._set(setting.with_cursor_moved(by, self._places()))

    def action_zoom(self, by: int) -> None:
        self._set(self._setting.zoomed(_ZOOM**-by, self._places()))

    def action_pan(self, by: int) -> None:
        self._set(self._setting.panned(by, self._places()))

    def action_whole(self) -> None:
        self._pointed = None
        self._set(self._setting.whole())

    # How they are drawn -------------------------------------------------------------------------------------

    def action_axis(self) -> None:
        self._pointed = None
        self._set(self._setting.next_axis())

    def action_smooth(self) -> None:
        self._smoothing.turn()
        self._draw(at_once=True)

    def action_logarithm(self) -> None:
        self._set(self._setting.other_scale())

    def action_hide(self) -> None:
        """Ask which line of the chosen chart to hide, or to show again."""
        spec = self.chosen.spec
        lines = self.series(spec)
        answers = [
            Choice(each.name, key, f"{'show' if each.hidden else 'hide'} {each.name}")
            for key, each in zip(_LINE_KEYS, lines, strict=False)
        ]

        def toggle(answer: str | None) -> None:
            if answer is not None:
                self._set(self._setting.toggled(spec.name, answer))

        self.app.push_screen(AskScreen(f"{spec.title}: which line?", answers), toggle)

    def _set(self, setting: ChartSetting) -> None:
        self._setting = setting
        self._draw(at_once=True)

    # Files --------------------------------------------------------------------------------------------------

    def action_export(self) -> None:
        """Save the chosen chart as CSV and SVG."""
        self._export([self.chosen.spec])

    def action_export_all(self) -> None:
        """Save every chart that is listed."""
        self._export([box.spec for box in self._boxes])

    def _export(self, specs: Sequence[ChartSpec]) -> None:
        if self._lines is None:
            return
        charts = [(spec.name, self.series(spec), replace(self._options(spec), cursor_x=None)) for spec in specs]
        for said, failed in self._files.save(charts, self._setting.axis.value):
            self.notify(said, severity="error" if failed else "information", markup=False)
