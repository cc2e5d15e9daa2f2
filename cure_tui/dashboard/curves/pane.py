"""Curves view: every metric of the run, over step, minutes, tokens or problems; up to three other runs over it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.timer import Timer

from cure_tui.charts.legend import marker_of
from cure_tui.dashboard.curves.chart import chart_glyphs
from cure_tui.dashboard.curves.grid import ChartGrid
from cure_tui.dashboard.explain import Explanation, metric_terms
from cure_tui.dashboard.messages import AllowRuns, ChooseRun, CompareRuns, Fault
from cure_tui.dashboard.pane import Pane
from cure_tui.dashboard.rows import RowsView
from cure_tui.drawing.smoothing import Smoothing
from cure_tui.drawing.spans import Row, Span, one_column
from cure_tui.runs.archive_view import ArchiveView
from cure_tui.runs.curves import CHARTS, METRIC_CHARTS, chart_series, overlaid
from cure_tui.runs.listing import LETTERS
from cure_tui.runs.overlay import OverlaidRuns, lettered
from cure_tui.runs.watcher import Snapshot
from engine.errors import CureError
from engine.machine.home import run_name

CURVES_TEXT = (
    "The line is smoothed as the caption says; the dots beneath it are the raw values, and so is every number: the "
    "last one of each line, or the one under the cursor."
)
LOOK_SECONDS = 0.5
"""Between two looks at the other runs, which may be live."""
_TAG_CHARACTERS = 24


class CurvesPane(Pane):
    """View of all charts of the run; `v` draws other runs over them, `c` compares figures and settings as well."""

    DEFAULT_CSS = """
    CurvesPane #others { padding: 0 1; height: auto; display: none; }
    CurvesPane.-overlaid #others { display: block; }
    CurvesPane.-overlaid #own { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "overlay", "Overlay runs"),
        Binding("c", "compare", "Compare"),
    ]

    def __init__(self, archive: ArchiveView, *, id: str = "curves", smoothing: Smoothing | None = None) -> None:
        super().__init__(archive, id=id, smoothing=smoothing)
        self.others = OverlaidRuns()
        self._overlay: ChartGrid | None = None
        self._shown: tuple[Snapshot, ...] = ()
        self._looks: Timer | None = None

    @property
    def grid(self) -> ChartGrid:
        """Charts on the screen: those of the run alone, or those with a line per run."""
        return self._overlay or self.query_one("#own", ChartGrid)

    @property
    def explanation(self) -> Explanation:
        spec = self.grid.chosen.spec
        return Explanation(spec.title, CURVES_TEXT, metric_terms(spec.metrics))

    def compose(self) -> ComposeResult:
        yield RowsView(id="others")
        yield ChartGrid(CHARTS, self._exports, self.smoothing, id="own")

    def on_mount(self) -> None:
        self._looks = self.set_interval(LOOK_SECONDS, self._look, pause=True)

    def on_unmount(self) -> None:
        self.others.close()

    @property
    def _exports(self) -> Path:
        return self.archive.path.parent / "exports"

    def catch_up(self) -> None:
        super().catch_up()
        self.grid.take_focus()

    def update_view(self, snapshot: Snapshot, step: int | None) -> None:
        if self._overlay is None:
            self.grid.show(partial(chart_series, snapshot.state), step)
            return
        self._shown = self.others.snapshots
        self.query_one("#others", RowsView).show([self._names_row((snapshot, *self._shown))])
        if self._overlay.is_mounted:
            self._overlay.show(partial(overlaid, lettered(snapshot.state, self._shown)), step)

    def _names_row(self, snapshots: Sequence[Snapshot]) -> Row:
        """Return the runs by their letters, with the marker and colour of their lines."""
        glyphs = chart_glyphs(self.app)
        spans: list[Span] = []
        for number, (letter, each) in enumerate(zip(LETTERS, snapshots, strict=False)):
            said = each.fault or f"{run_name(each.path)}, step {each.state.step}"
            spans += [
                Span(f"{'  ' if spans else ''}{marker_of(number, glyphs)} {letter} ", f"series{number}"),
                Span(one_column(said), "error" if each.fault else "text"),
            ]
        return tuple(spans)

    # Other runs ---------------------------------------------------------------------------------------------

    def action_compare(self) -> None:
        own = self.archive.path.parent
        self.post_message(
            ChooseRun("Compare with which run? The home screen lists all of them.", self._compare_with, {own: ""})
        )

    def _compare_with(self, path: Path) -> None:
        self.post_message(CompareRuns([self.archive.path.parent, path]))

    def action_overlay(self) -> None:
        """Ask which run to draw over this one, or to take away again."""
        marks = {self.archive.path.parent: ""}
        marks |= {path: f"drawn as {letter}, take it away" for path, letter in self._letters().items()}
        question = "Draw which run over this one? The home screen lists all of them."
        if self.others.is_full:
            question = "Three runs are drawn over this one: take which away?"
        self.post_message(ChooseRun(question, self._toggle, marks, only_marked=self.others.is_full))

    def _letters(self) -> dict[Path, str]:
        return dict(zip(self.others.paths, LETTERS[1:], strict=False))

    def _toggle(self, path: Path) -> None:
        if path in self.others.paths:
            self.others.remove(path)
            self.run_worker(self._lay_out())
        else:
            self.post_message(AllowRuns([path], lambda: self._add(path)))

    def _add(self, path: Path) -> None:
        try:
            self.others.add(path)
        except CureError as error:
            self.post_message(Fault(error))
            return
        self.run_worker(self._lay_out())

    async def _lay_out(self) -> None:
        """Show charts with a line per run; without other runs, those of the run alone again."""
        if self._overlay is not None:
            before, self._overlay = self._overlay, None
            await before.remove()
        others = self.others.paths
        self.set_class(bool(others), "-overlaid")
        if others:
            names = [run_name(path) for path in (self.archive.path.parent, *others)]
            self._overlay = ChartGrid(
                METRIC_CHARTS,
                self._exports,
                self.smoothing,
                tag="-".join(name[-_TAG_CHARACTERS:] for name in map(_last_part, names)),
                names={letter: f"{letter} {name}" for letter, name in zip(LETTERS, names, strict=False)},
                marks=len(LETTERS),
                id="overlaid",
            )
            await self.mount(self._overlay)
        if self._looks is not None:
            (self._looks.resume if others else self._looks.pause)()
        self.catch_up()

    def _look(self) -> None:
        """Show what is new of the other runs."""
        news = self.others.snapshots
        same = len(news) == len(self._shown) and all(a is b for a, b in zip(news, self._shown, strict=True))
        if self._snapshot is not None and self.display and not same:
            self.update_view(self._snapshot, self._step)


def _last_part(name: str) -> str:
    return Path(name).name
