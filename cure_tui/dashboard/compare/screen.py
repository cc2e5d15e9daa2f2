"""Screen of two to four runs, live or past: accuracies, settings that differ, and their curves in shared charts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import Screen
from textual.widgets import Tab, Tabs

from cure_tui.dashboard.compare.picture import accuracy_rows, run_rows, settings_rows
from cure_tui.dashboard.curves.chart import chart_glyphs
from cure_tui.dashboard.curves.grid import ChartGrid
from cure_tui.dashboard.keys_line import KeysLine
from cure_tui.dashboard.rows import RowsView
from cure_tui.drawing.smoothing import Smoothing
from cure_tui.runs.comparison import accuracies_reached, check_choice, config_differences
from cure_tui.runs.curves import METRIC_CHARTS, overlaid
from cure_tui.runs.listing import LETTERS
from cure_tui.runs.watcher import RunWatcher, Snapshot
from engine.config import RunConfig
from engine.errors import CureError
from engine.machine.home import home, run_name
from engine.presets import load_config
from engine.runs.folder import RunFolder

VIEWS = ("figures", "curves")
LOOK_SECONDS = 0.25
_WIDE, _FIGURES_COLUMNS = 150, 80
_MARKS = 4
_TAG_CHARACTERS = 24


class CompareScreen(Screen[None]):
    """Comparison of runs: figures and curves, side by side if there is room. It follows every live run."""

    DEFAULT_CSS = """
    CompareScreen #runs { background: $panel; }
    CompareScreen Tabs { height: 2; display: none; }
    CompareScreen #sides { height: 1fr; }
    CompareScreen #figures { width: 80; height: 1fr; border: round $panel; }
    CompareScreen #figures:focus { border: round $primary; }
    CompareScreen #settings { margin-top: 1; }
    CompareScreen ChartGrid { width: 1fr; height: 1fr; }
    CompareScreen.-narrow Tabs { display: block; }
    CompareScreen.-narrow #figures { width: 1fr; }
    CompareScreen.-narrow.-figures ChartGrid, CompareScreen.-narrow.-curves #figures { display: none; }
    CompareScreen.-low Tabs { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "view('figures')", "Views", key_display="1-2"),
        Binding("2", "view('curves')", "Curves", show=False),
        Binding("escape", "back", "Back"),
    ]

    def __init__(self, paths: Sequence[Path], *, smoothing: Smoothing | None = None) -> None:
        """Open the runs. CureError: the same run twice, more runs than there are letters, or an unreadable one."""
        super().__init__()
        self._smoothing = smoothing or Smoothing()
        check_choice([path.resolve() for path in paths])
        self._snapshots = [Snapshot(path.absolute()) for path in paths]
        self._watchers = [RunWatcher(path, partial(self._hear, at)) for at, path in enumerate(paths)]
        read = [_settings(path) for path in paths]
        self._different = config_differences(*(config for config, _ in read))
        self._faults = [fault for _, fault in read]
        self.shown: Sequence[Snapshot] = ()
        self._drawn: Sequence[object] = ()

    @property
    def _is_wide(self) -> bool:
        """True if both views fit side by side."""
        return self.app.size.width >= _WIDE

    def compose(self) -> ComposeResult:
        names = [run_name(each.path) for each in self._snapshots]
        yield RowsView(id="runs")
        first = "curves" if self._is_wide else "figures"
        tabs = (Tab(f"{at} {name.capitalize()}", id=f"tab-{name}") for at, name in enumerate(VIEWS, 1))
        yield Tabs(*tabs, active=f"tab-{first}")
        with Horizontal(id="sides"):
            with VerticalScroll(id="figures"):
                yield RowsView(id="accuracies")
                yield RowsView(id="settings")
            yield ChartGrid(
                METRIC_CHARTS,
                home() / "exports",
                self._smoothing,
                tag="-".join(Path(name).name[-_TAG_CHARACTERS:] for name in names),
                names={letter: f"{letter} {name}" for letter, name in zip(LETTERS, names, strict=False)},
                marks=_MARKS,
            )
        yield KeysLine()

    def on_mount(self) -> None:
        for watcher in self._watchers:
            watcher.start()
        self._bring()
        self.set_interval(LOOK_SECONDS, self._bring)

    def on_unmount(self) -> None:
        for watcher in self._watchers:
            watcher.close()

    def on_resize(self) -> None:
        self.set_class(not self._is_wide, "-narrow")
        self.set_class(self.size.height < 20, "-low")
        self._show_settings()

    # What the watchers see ----------------------------------------------------------------------------------

    def _hear(self, at: int, snapshot: Snapshot) -> None:
        """Keep the newest snapshot; runs in a watcher's thread."""
        self._snapshots[at] = snapshot

    def _bring(self) -> None:
        """Show what has changed; called four times a second."""
        snapshots = list(self._snapshots)
        if _same(snapshots, self.shown):
            return
        self.shown = snapshots
        self.query_one("#runs", RowsView).show(run_rows(snapshots, glyphs=chart_glyphs(self.app)))
        # A state changes with every heartbeat; only these two of its parts are drawn.
        drawn = [part for each in snapshots for part in (each.state.points, each.state.evaluations)]
        if _same(drawn, self._drawn):
            return
        self._drawn = drawn
        states = [each.state for each in snapshots]
        rows = accuracy_rows(accuracies_reached(states), glyphs=chart_glyphs(self.app))
        self.query_one("#accuracies", RowsView).show(rows)
        self.query_one(ChartGrid).show(partial(overlaid, list(zip(LETTERS, states, strict=False))))

    def _show_settings(self) -> None:
        view = self.query_one("#settings", RowsView)
        columns = (_FIGURES_COLUMNS if self._is_wide else self.size.width) - 4
        view.show(settings_rows(self._different, self._faults, columns, glyphs=chart_glyphs(self.app)))

    # Views --------------------------------------------------------------------------------------------------

    def action_view(self, name: str) -> None:
        tabs = self.query_one(Tabs)
        if tabs.active == f"tab-{name}":
            self._turn_to(name)
        tabs.active = f"tab-{name}"

    def on_tabs_tab_activated(self, event: Tabs.TabActivated) -> None:
        self._turn_to((event.tab.id or "tab-figures").removeprefix("tab-"))

    def _turn_to(self, name: str) -> None:
        for each in VIEWS:
            self.set_class(each == name, f"-{each}")
        if name == "curves":
            # A grid that has just been displayed cannot take the focus before its styles are applied.
            self.call_after_refresh(self.query_one(ChartGrid).take_focus)
        else:
            self.query_one("#figures").focus()

    def action_back(self) -> None:
        self.dismiss()


def _same(these: Sequence[object], those: Sequence[object]) -> bool:
    """Compare by identity: comparing two histories by value would walk through all their steps."""
    return len(these) == len(those) and all(a is b for a, b in zip(these, those, strict=True))


def _settings(path: Path) -> tuple[RunConfig | None, str]:
    """Return the run's settings, or None and the reason: everything else can still be compared."""
    try:
        return load_config(RunFolder.open(path).config), ""
    except CureError as error:
        return None, str(error)
