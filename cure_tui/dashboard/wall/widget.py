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
        self._activity = ""
        self._rows: list[Row] = []

    def show(self, view: LiveView | None, activity: str = "") -> None:
        """Draw `view`, or what the engine does instead of sampling. Return early if nothing on the wall changed."""
        before = _shown(self.shown, self._activity)
        self.shown, self._activity = view, activity
        if _shown(view, activity) != before:
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
        self._rows = wall_rows(slots, columns, rows, nothing=_why_nothing(self.shown, self._activity))
        if len(before) != rows:
            self.refresh()
            return
        changed = [y for y in range(rows) if before[y] != self._rows[y]]
        # consecutive lines become one region: fewer regions are cheaper to compose
        for _, run in groupby(enumerate(changed), key=lambda place: place[1] - place[0]):
            lines = [y for _, y in run]
            self.refresh(Region(0, lines[0], columns, len(lines)))


def _shown(view: LiveView | None, activity: str) -> object:
    """Return the part of a view that the wall draws: never its time, its phase only without slots."""
    return view.slots if view is not None and view.slots else _why_nothing(view, activity)


def _why_nothing(view: LiveView | None, activity: str) -> str:
    if view is None or not view.phase:
        return activity or NOTHING
    progress = f"{view.done:,} of {view.total:,}" if view.total else ""
    if activity:
        return f"{activity} ({progress})" if progress else activity
    return f"{' '.join(filter(None, (view.phase, progress)))}: {NOTHING}"
