"""Wall of live rollouts as one line-API widget: one widget per answer would cost eight times as much."""

from __future__ import annotations

from itertools import groupby

from textual import events
from textual.geometry import Region
from textual.strip import Strip

from cure_tui.dashboard.lines import LinesView
from cure_tui.dashboard.wall.picture import NOTHING, wall_rows
from cure_tui.drawing.spans import Row
from engine.runs.live import LiveView


class WallView(LinesView):
    """View of the newest `LiveView`; redraws only the lines that changed."""

    DEFAULT_CSS = """
    WallView { height: 1fr; width: 1fr; }
    """
    ALLOW_SELECT = False  # text that is rewritten 15 times a second cannot be selected

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.shown: LiveView | None = None
        self._rows: list[Row] = []

    def show(self, view: LiveView | None) -> None:
        """Draw `view`; None: nothing is being sampled. Return early if nothing on the wall changed."""
        before, self.shown = self.shown, view
        if _shown(before) != _shown(view):
            self._draw()

    def render_line(self, y: int) -> Strip:
        return self.strip(self._rows[y] if y < len(self._rows) else ())

    def on_mount(self) -> None:
        self._draw()

    def on_resize(self, _: events.Resize) -> None:
        self._draw()

    def _draw(self) -> None:
        columns, rows = self.size
        slots = self.shown.slots if self.shown else ()
        before = self._rows
        self._rows = wall_rows(slots, columns, rows, nothing=_why_nothing(self.shown))
        if len(before) != rows:
            self.refresh()
            return
        changed = [y for y in range(rows) if before[y] != self._rows[y]]
        # consecutive lines become one region: fewer regions are cheaper to compose
        for _, run in groupby(enumerate(changed), key=lambda place: place[1] - place[0]):
            lines = [y for _, y in run]
            self.refresh(Region(0, lines[0], columns, len(lines)))


def _shown(view: LiveView | None) -> object:
    """Return the part of a view that the wall draws: never its time, its phase only without slots."""
    if view is None or view.slots:
        return view and view.slots
    return _why_nothing(view)


def _why_nothing(view: LiveView | None) -> str:
    if view is None or not view.phase:
        return NOTHING
    progress = f" {view.done} of {view.total}" if view.total else ""
    return f"{view.phase}{progress}: {NOTHING}"
