"""Curves view: every metric of the run, over step, minutes, tokens or problems."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from cure_tui.dashboard.curves.grid import ChartGrid
from cure_tui.dashboard.explain import Explanation, metric_terms
from cure_tui.dashboard.messages import CompareWithAnother
from cure_tui.dashboard.pane import Pane
from cure_tui.runs.curves import CHARTS, chart_series
from cure_tui.runs.watcher import Snapshot

CURVES_TEXT = (
    "The line is smoothed as the caption says; the dots beneath it are the raw values, and so is every number: the "
    "last one of each line, or the one under the cursor."
)


class CurvesPane(Pane):
    """View of all charts of the run; `c` compares them with another run's."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("c", "compare", "Compare")]

    @property
    def explanation(self) -> Explanation:
        spec = self.query_one(ChartGrid).chosen.spec
        return Explanation(spec.title, CURVES_TEXT, metric_terms(spec.metrics))

    def compose(self) -> ComposeResult:
        yield ChartGrid(CHARTS, self.archive.path.parent / "exports", self.smoothing)

    def catch_up(self) -> None:
        super().catch_up()
        self.query_one(ChartGrid).take_focus()

    def update_view(self, snapshot: Snapshot, step: int | None) -> None:
        self.query_one(ChartGrid).show(partial(chart_series, snapshot.state), step)

    def action_compare(self) -> None:
        self.post_message(CompareWithAnother())
